#pragma once

#include "autograd/ops/cell.hpp"

namespace tapehead {

/// Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000). Gates are input,
/// forget, candidate, output; the state is h above c.
///
///     i, f, o = σ(Wᵀ x_t + b + Uᵀ h_{t−1}),  g = tanh(Wᵀ x_t + b + Uᵀ h_{t−1})    with the columns of each gate
///     c_t = f ∘ c_{t−1} + i ∘ g,  h_t = o ∘ tanh(c_t)
///
/// Throws ShapeError for sizes that do not fit.
template <Scalar T>
Var<T> lstm(const CellInputs<T>& in, const CellOptions& options = {});

}  // namespace tapehead
