#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Softmax of each column over the keys that its query may attend; zero elsewhere, whatever stands there, and a column
/// of zeros where nothing may be attended. x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example b. Throws
/// ShapeError if `heads` does not divide the slices, ConfigError for heads < 1.
template <Scalar T>
Var<T> masked_softmax(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
