#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = 1 / (1 + exp(−x)) for every element, any shape; finite for any finite x.
template <Scalar T>
Var<T> sigmoid(Var<T> x);

}  // namespace tapehead
