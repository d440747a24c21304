#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Each head by a matrix of its own: y_h = W_hᵀ x_h. x (D, T, H·B), slice h + H·b being head h of example b; weight
/// (D, A, H) → (A, T, H·B). Throws ShapeError if sizes do not fit.
template <Scalar T>
Var<T> head_affine(Var<T> x, Var<T> weight);

}  // namespace tapehead
