#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = a ∘ b, element by element, shapes equal. Throws ShapeError if they differ.
template <Scalar T>
Var<T> multiply(Var<T> a, Var<T> b);

}  // namespace tapehead
