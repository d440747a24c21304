#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Heads as slices: rows h·D … of a column become a column of their own. x (H·D, T, B) → (D, T, H·B), where slice h +
/// H·b is head h of example b. Throws ShapeError if `heads` does not divide the rows, ConfigError for heads < 1.
template <Scalar T>
Var<T> split_heads(Var<T> x, std::int64_t heads);

}  // namespace tapehead
