#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Each element whose query may attend it, unchanged; zero elsewhere, whatever stands there: attention without a
/// normaliser. x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example b. Throws as masked_softmax() does.
template <Scalar T>
Var<T> masked_scores(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
