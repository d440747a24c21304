#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Slices as heads, the inverse of split_heads(): x (D, T, H·B) → (H·D, T, B). Throws ShapeError if `heads` does not
/// divide the slices, ConfigError for heads < 1.
template <Scalar T>
Var<T> merge_heads(Var<T> x, std::int64_t heads);

}  // namespace tapehead
