#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = x³, any shape.
template <Scalar T>
Var<T> cube(Var<T> x);

}  // namespace tapehead
