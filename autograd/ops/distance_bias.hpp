#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// The distances k − p between key k and query position p that an attention can ask for.
struct DistanceRange {
  std::int64_t least = 0, most = 0;

  std::int64_t count() const { return most - least + 1; }
  /// Of `keys` keys and `queries` queries, query q of example b at position q, or q + first[b].
  static DistanceRange of(std::int64_t keys, std::int64_t queries, const std::int32_t* first = nullptr,
                          std::int64_t examples = 0);
};

/// score + line(k − p − least, h) of query position p and key k: a bias that goes by distance. x (K, Q, H·B), slice
/// h + H·b being head h of example b; line (L, H) → (K, Q, H·B). Query q of example b stands at position q, or
/// q + first[b]. Throws ShapeError where the line lacks a distance or does not fit the heads.
template <Scalar T>
Var<T> distance_bias(Var<T> x, Var<T> line, std::int64_t least, const std::int32_t* first = nullptr);

}  // namespace tapehead
