#pragma once

#include <string>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/scope.hpp"

namespace tapehead {

enum class PositionKind { sinusoidal, learned, none };

/// "sinusoidal", "learned" or "none"; anything else throws ConfigError.
PositionKind parse_positions(const std::string& text);

/// Tells a model where in the sequence a column stands, by adding a vector for each position. x (C, T, B) → (C, T, B).
///
/// Sinusoidal (Vaswani et al. 2017, §3.5): channel 2i of position t is sin(t / 10000^(2i/C)), channel 2i + 1 the cosine.
/// Learned: parameter `weight` (C, P), drawn as an embedding is.
struct Positions {
  Positions(const Scope& scope, PositionKind kind, std::int64_t channels, std::int64_t max_positions);

  /// Throws DataError if x has more than max_positions positions.
  template <Scalar T>
  Var<T> operator()(Var<T> x) const;

  PositionKind kind;
  std::int64_t max_positions;
  Parameter weight;
  std::vector<double> table;  // sinusoidal
};

}  // namespace tapehead
