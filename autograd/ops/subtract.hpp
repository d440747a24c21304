#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = a − b, shapes equal. Throws ShapeError if they differ.
template <Scalar T>
Var<T> subtract(Var<T> a, Var<T> b);

}  // namespace tapehead
