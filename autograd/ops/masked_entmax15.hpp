#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// 1.5-entmax of each column over the keys that its query may attend, zero elsewhere (Peters, Niculae & Martins 2019,
/// "Sparse Sequence-to-Sequence Models", §3): y = max(x / 2 − τ, 0)², with the τ for which Σ y = 1. Between softmax and
/// sparsemax: sparse, and smooth where it meets zero. x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example
/// b. Throws as masked_softmax() does.
template <Scalar T>
Var<T> masked_entmax15(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
