#pragma once

#include "autograd/ops/cell.hpp"

namespace tapehead {

/// h_t = tanh(Wᵀ x_t + b + Uᵀ h_{t−1}) (Elman 1990): one gate, and the state is h. Throws ShapeError for sizes that do
/// not fit.
template <Scalar T>
Var<T> elman(const CellInputs<T>& in, const CellOptions& options = {});

}  // namespace tapehead
