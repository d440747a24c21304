#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Softmax of each column over the `largest` largest elements that its query may attend, or all if there are fewer;
/// zero elsewhere (Gupta et al. 2021, "Memory-efficient Transformers via Top-k Attention"). Of equal ones those of the
/// earlier keys are taken. x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example b. Throws as
/// masked_softmax() does. Throws ConfigError for largest < 1.
template <Scalar T>
Var<T> masked_top_softmax(Var<T> x, const Mask& mask, std::int64_t heads = 1, std::int64_t largest = 8);

}  // namespace tapehead
