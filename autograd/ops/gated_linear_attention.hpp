#pragma once

#include "autograd/ops/attention.hpp"
#include "autograd/ops/recurrence.hpp"

namespace tapehead {

/// Gated linear attention (Yang et al. 2024, eq. 3–4): each channel of the keys forgets at a rate of its own, which the
/// data decide.
///
///     S_t = S_{t−1} diag(σ(gate_t)) + v_t k_tᵀ,    o_t = scale · S_t q_t
///
/// query, key and gate (H·D, T, B), value (H·Dv, T, B) → (H·Dv, T, B). Time and memory are linear in T. Nothing is
/// divided by a product of gates, however small.
/// `state` (Dv, D, H, B): see RecurrenceOptions. Throws ShapeError where sizes disagree, ConfigError for heads < 1.
template <Scalar T>
Var<T> gated_linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, RowBlock<T> gate, double scale,
                              const RecurrenceOptions& options, T* state = nullptr);

}  // namespace tapehead
