#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = tanh(x) for every element, any shape.
template <Scalar T>
Var<T> tanh(Var<T> x);

}  // namespace tapehead
