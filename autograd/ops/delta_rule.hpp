#pragma once

#include "autograd/ops/attention.hpp"
#include "autograd/ops/recurrence.hpp"

namespace tapehead {

/// The delta rule (Schlag et al. 2021, "Linear Transformers Are Secretly Fast Weight Programmers", eq. 24): what a key
/// recalls is corrected, by a share that the data decide, towards the value that belongs to it.
///
///     S_t = S_{t−1} + σ(gate_t) (v_t − S_{t−1} κ_t) κ_tᵀ,    o_t = S_t q_t,    κ = k / √(Σ k² + 1e-12)
///
/// query and key (H·D, T, B), value (H·Dv, T, B), gate (H, T, B) → (H·Dv, T, B). Time and memory are linear in T: the
/// corrections of a chunk are found together (Yang et al. 2024, "Parallelizing Linear Transformers with the Delta
/// Rule").
/// `state` (Dv, D, H, B): see RecurrenceOptions. Throws ShapeError where sizes disagree, ConfigError for heads < 1.
template <Scalar T>
Var<T> delta_rule(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, RowBlock<T> gate,
                  const RecurrenceOptions& options, T* state = nullptr);

}  // namespace tapehead
