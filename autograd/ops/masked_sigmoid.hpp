#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// σ(x − log n) of each element whose query may attend it, zero elsewhere, n being the number of keys that this query
/// may attend (Ramapuram et al. 2024, "Theory, Analysis, and Best Practices for Sigmoid Self-Attention", §3, with the
/// bias −log n): the weights of a query begin near 1 / n and need not sum to one. x (K, Q, H·B) → (K, Q, H·B); slice h
/// + H·b is head h of example b. Throws as masked_softmax() does.
template <Scalar T>
Var<T> masked_sigmoid(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
