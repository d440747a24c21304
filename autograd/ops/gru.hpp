#pragma once

#include "autograd/ops/cell.hpp"

namespace tapehead {

/// The gated recurrent unit (Cho et al. 2014), whose reset gate stands behind the product with h, as most libraries
/// have it. Gates are reset, update, candidate; the state is h.
///
///     r = σ(Wᵣᵀ x_t + bᵣ + Uᵣᵀ h),  z = σ(W_zᵀ x_t + b_z + U_zᵀ h)
///     n = tanh(Wₙᵀ x_t + bₙ + r ∘ (Uₙᵀ h + c)),  h_t = (1 − z) ∘ n + z ∘ h    with h = h_{t−1} and c the recurrent
///     bias
///
/// Throws ShapeError for sizes that do not fit.
template <Scalar T>
Var<T> gru(const CellInputs<T>& in, const CellOptions& options = {});

}  // namespace tapehead
