#pragma once

#include <cstdint>

#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Stick-breaking weights (Tan et al. 2025, "Scaling Stick-Breaking Attention", eq. 1): from the last key k that a
/// query may attend back to the first, each takes the share σ(x_k) of what the later ones left,
///
///     y_k = σ(x_k) · Π_{l > k} (1 − σ(x_l)),
///
/// so that the nearer of two equal keys weighs more, without positions; Σ y ≤ 1. Published for keys before the query:
/// Causal{.offset = -1}. x (K, Q, H·B) → (K, Q, H·B); slice h + H·b is head h of example b. Throws as masked_softmax()
/// does.
template <Scalar T>
Var<T> stick_breaking(Var<T> x, const Mask& mask, std::int64_t heads = 1);

}  // namespace tapehead
