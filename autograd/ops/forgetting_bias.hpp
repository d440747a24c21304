#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// score + the logarithm of what the gates between key and query let through (Lin et al. 2025, "Forgetting
/// Transformer"):
///
///     y(k, q) = x(k, q) + Σ log σ(gate_l)  over  min(k, p) < l ≤ max(k, p),  for query q at position p
///
/// The published form is causal, k ≤ p; keys behind the query fade in the same way. x (K, Q, H·B), slice h + H·b being
/// head h of example b; gate (H, K, B) → (K, Q, H·B). p is q, or q + first[b]; with `first` a query beyond the last key
/// counts as there. Throws ShapeError where sizes disagree.
template <Scalar T>
Var<T> forgetting_bias(Var<T> x, Var<T> gate, const std::int32_t* first = nullptr);

}  // namespace tapehead
