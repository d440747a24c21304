#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Attention with linear biases (Press, Smith & Lewis 2022, "Train Short, Test Long", §3): score − m_h · |p − k| of
/// query position p and key k, with m_h = 2^(−8 (h + 1) / H) for heads h = 0 … H − 1. Under a causal mask |p − k| is
/// p − k, as published; without one it is the symmetric form. x (K, Q, H·B) → (K, Q, H·B), slice h + H·b being head h
/// of example b. Query q of example b stands at position q, or q + first[b]. Throws as masked_softmax() does.
template <Scalar T>
Var<T> alibi(Var<T> x, std::int64_t heads, const std::int32_t* first = nullptr);

}  // namespace tapehead
