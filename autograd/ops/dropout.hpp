#pragma once

#include <cstdint>

#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Inverted dropout (Srivastava et al. 2014): each element is zero with probability `rate`, otherwise x / (1 − rate).
/// x (C, T, B) → (C, T, B). Whether element (c, t, b) stays is decided by word c % 4 of
/// random.bits(first_example + b, t, c / 4, 0): by its coordinate alone, so neither padding nor the cutting of a batch
/// into shards changes it. With `heads`, x is (K, Q, H·B), attention's weights, and word k % 4 of
/// random.bits(first_example + b, q, k / 4, h) decides of slice h + H·b. rate == 0 gives x itself. Throws ConfigError
/// for a rate outside [0, 1) or heads < 1, ShapeError if `heads` does not divide the slices.
template <Scalar T>
Var<T> dropout(Var<T> x, double rate, const RandomStream& random, std::int64_t first_example = 0,
               std::int64_t heads = 1);

}  // namespace tapehead
