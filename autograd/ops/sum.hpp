#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Sum of all elements, any shape → (1, 1, 1).
template <Scalar T>
Var<T> sum(Var<T> x);

}  // namespace tapehead
