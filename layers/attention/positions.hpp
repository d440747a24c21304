#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "layers/scope.hpp"

namespace tapehead {

enum class PositionKind { sinusoidal, learned, none };

/// What is added to embeddings: nothing where positions are told apart inside the attention, or not at all.
PositionKind positions_of_embedding(const std::string& text);

/// The sinusoidal vectors of all positions, made when they are first looked at, by whichever thread that is: a model
/// can be described, and found too large, without them.
class SinusoidTable {
 public:
  SinusoidTable(std::int64_t channels, std::int64_t positions) : channels_(channels), positions_(positions) {}

  /// Channel by channel, position by position.
  const std::vector<double>& values() const;

 private:
  std::int64_t channels_, positions_;
  mutable std::once_flag made_;
  mutable std::vector<double> values_;
};

/// Tells a model where in the sequence a column stands, by adding a vector for each position. x (C, T, B) → (C, T, B).
///
/// Sinusoidal (Vaswani et al. 2017, §3.5): channel 2i of position t is sin(t / 10000^(2i/C)), channel 2i + 1 the
/// cosine. Learned: parameter `weight` (C, P), drawn as an embedding is. None: x itself, of any length.
struct Positions {
  /// Throws ConfigError for max_positions of kind none, which would do nothing.
  Positions(const Scope& scope, PositionKind kind, std::int64_t channels, std::int64_t max_positions);

  /// x stands at the positions from 0 on, at pass.places, or behind what pass.cache has read. Throws DataError past
  /// max_positions.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Pass& pass = {}) const;

  PositionKind kind;
  std::int64_t max_positions;
  Parameter weight;
  std::shared_ptr<const SinusoidTable> table;  // sinusoidal

 private:
  template <Scalar T>
  Var<T> behind(Var<T> x, const ReadPositions& read) const;
  template <Scalar T>
  Var<T> at_places(Var<T> x, const TokenView& places) const;
};

}  // namespace tapehead
