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

/// Positions that lie in a grid, row by row, behind some that do not; no rows: they lie in a line.
struct PositionGrid {
  std::int64_t rows = 0, columns = 0;
  std::int64_t before = 0;  ///< positions, whose vectors are zero
};

/// The sinusoidal vectors of all positions, made when they are first looked at, by whichever thread that is: a model
/// can be described, and found too large, without them.
class SinusoidTable {
 public:
  SinusoidTable(std::int64_t channels, std::int64_t positions, const PositionGrid& grid)
      : channels_(channels), positions_(positions), grid_(grid) {}

  /// Channel by channel, position by position.
  const std::vector<double>& values() const;

 private:
  std::int64_t channels_, positions_;
  PositionGrid grid_;
  mutable std::once_flag made_;
  mutable std::vector<double> values_;
};

/// Tells a model where in the sequence a column stands, by adding a vector for each position. x (C, T, B) → (C, T, B).
///
/// Sinusoidal (Vaswani et al. 2017, §3.5): channel 2i of position t is sin(t / 10000^(2i/C)), channel 2i + 1 the
/// cosine. In a grid (Parmar et al. 2018, "Image Transformer", §3.1) the first half of the channels are so of the row,
/// with C/2 for C, the second half of the column; C is a multiple of 4. Learned: parameter `weight` (C, P), drawn as an
/// embedding is. None: x itself, of any length.
struct Positions {
  /// Throws ConfigError for max_positions of kind none, which would do nothing.
  Positions(const Scope& scope, PositionKind kind, std::int64_t channels, std::int64_t max_positions,
            const PositionGrid& grid = {});

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
