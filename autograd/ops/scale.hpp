#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = factor · x, any shape.
template <Scalar T>
Var<T> scale(Var<T> x, double factor);

}  // namespace tapehead
