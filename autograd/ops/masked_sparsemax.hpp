#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Sparsemax of each column over the n keys that its query may attend, zero elsewhere (Martins & Astudillo 2016, "From
/// Softmax to Sparsemax", §2): y = max(x − τ, 0), with the τ for which Σ y = 1: the point of the simplex nearest to x.
/// x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example b. Throws as masked_softmax() does.
template <Scalar T>
Var<T> masked_sparsemax(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
