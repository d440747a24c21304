#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = log(x), the natural logarithm of every element, any shape; −∞ at 0 and NaN below, as std::log.
template <Scalar T>
Var<T> log(Var<T> x);

}  // namespace tapehead
