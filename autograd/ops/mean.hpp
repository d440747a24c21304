#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Mean of all elements, any shape → (1, 1, 1). Throws ShapeError when there are none.
template <Scalar T>
Var<T> mean(Var<T> x);

}  // namespace tapehead
