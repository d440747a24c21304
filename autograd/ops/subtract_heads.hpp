#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Of two neighbouring heads the first less a share of the second: y_h = x_{2h} − factor_h · x_{2h+1} (Ye et al. 2024,
/// "Differential Transformer", eq. 1). x (R, C, 2H·B), slice g + 2H·b being head g of example b; factor (H) →
/// (R, C, H·B). Throws ShapeError where the factor is no vector or its heads do not fit.
template <Scalar T>
Var<T> subtract_heads(Var<T> x, Var<T> factor);

}  // namespace tapehead
