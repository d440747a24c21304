#pragma once

#include "autograd/ops/attention.hpp"

namespace tapehead {

/// Linear attention (Katharopoulos et al. 2020, "Transformers are RNNs", eq. 4–7) of each query to all keys:
///
///     o_q = Σ_k v_k φ(k)ᵀφ(q) / Σ_k φ(k)ᵀφ(q),    φ(x) = elu(x) + 1 = x + 1 for x > 0, exp(x) else
///
/// query (H·D, Q, B), key (H·D, K, B), value (H·Dv, K, B) → (H·Dv, Q, B). Keys are those of each slice's first
/// `lengths` positions, which must outlive the backward pass; nullptr: all. Time and memory are linear in Q + K.
/// Without keys, and where all products underflow, the context is zero. Up to the query alone:
/// causal_linear_attention(). Throws ShapeError where sizes disagree, ConfigError for heads < 1.
template <Scalar T>
Var<T> linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, std::int64_t heads,
                        const std::int32_t* lengths = nullptr);

}  // namespace tapehead
