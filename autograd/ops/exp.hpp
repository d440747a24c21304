#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = exp(x) for every element, any shape.
template <Scalar T>
Var<T> exp(Var<T> x);

}  // namespace tapehead
