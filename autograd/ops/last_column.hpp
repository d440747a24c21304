#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// The last column of each slice that counts: x (R, T, B) → (R, 1, B), column lengths[b] − 1 of slice b, and zeros
/// where that length is 0. Lengths beyond T are T; nullptr: all are. They must outlive the backward pass.
template <Scalar T>
Var<T> last_column(Var<T> x, const std::int32_t* lengths);

}  // namespace tapehead
