#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = Wᵀ x + b for every column of x: a whole batch in one product.
/// x (in, T, B), weight (in, out), bias (out) or Var{} for none → (out, T, B).
/// Throws ShapeError if in or out do not agree.
template <Scalar T>
Var<T> affine(Var<T> x, Var<T> weight, Var<T> bias = {});

}  // namespace tapehead
