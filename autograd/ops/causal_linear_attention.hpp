#pragma once

#include "autograd/ops/attention.hpp"
#include "autograd/ops/recurrence.hpp"

namespace tapehead {

/// Linear attention up to each query's own position (Katharopoulos et al. 2020, eq. 8–12):
///
///     o_t = Σ_{s≤t} v_s φ(k_s)ᵀφ(q_t) / Σ_{s≤t} φ(k_s)ᵀφ(q_t),    φ as in linear_attention()
///
/// query and key (H·D, T, B), value (H·Dv, T, B) → (H·Dv, T, B). Time and memory are linear in T. Where all products
/// underflow, the context is zero.
/// `state` (Dv + 1, D, H, B): see RecurrenceOptions. Throws ShapeError where sizes disagree, ConfigError for heads < 1.
template <Scalar T>
Var<T> causal_linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const RecurrenceOptions& options,
                               T* state = nullptr);

}  // namespace tapehead
