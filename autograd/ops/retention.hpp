#pragma once

#include "autograd/ops/attention.hpp"
#include "autograd/ops/recurrence.hpp"

namespace tapehead {

/// Retention (Sun et al. 2023, "Retentive Network", eq. 5–7): each head remembers what it has read in a matrix that
/// fades, the later heads more slowly.
///
///     S_t = γ_h S_{t−1} + v_t k_tᵀ,    o_t = scale · S_t q_t,    γ_h = 1 − 2^(−5−h)
///
/// So a query attends to each key up to its own position by scale · γ_h^distance · kᵀq, which nothing makes sum to one.
/// query and key (H·D, T, B), value (H·Dv, T, B) → (H·Dv, T, B). Time and memory are linear in T.
/// `state` (Dv, D, H, B): see RecurrenceOptions. Throws ShapeError where sizes disagree, ConfigError for heads < 1.
template <Scalar T>
Var<T> retention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, double scale, const RecurrenceOptions& options,
                 T* state = nullptr);

}  // namespace tapehead
