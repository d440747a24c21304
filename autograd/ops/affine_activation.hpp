#pragma once

#include "autograd/ops/activation.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// f(Wᵀ x + b) as one op, equal to affine() followed by relu() or gelu(). x (in, T, B), weight (in, out), bias (out) →
/// (out, T, B). Beside its value it keeps, for gelu, f′ where the sum stood; the pullback turns that into d(Wᵀ x + b).
/// Throws ShapeError where sizes disagree.
template <Scalar T>
Var<T> affine_activation(Var<T> x, Var<T> weight, Var<T> bias, Activation activation);

}  // namespace tapehead
