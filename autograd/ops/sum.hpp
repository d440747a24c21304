#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Sum of all elements, any shape → (1, 1, 1); 0 if there are none. Many numbers are summed in halves, so that in float
/// a thirty-millionth one still counts.
template <Scalar T>
Var<T> sum(Var<T> x);

}  // namespace tapehead
