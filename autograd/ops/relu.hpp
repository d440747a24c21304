#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = max(x, 0), any shape; the derivative at 0 is taken as 0. A complex x is judged by its real part.
template <Scalar T>
Var<T> relu(Var<T> x);

}  // namespace tapehead
