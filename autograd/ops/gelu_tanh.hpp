#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 for every element: the approximation of gelu that GPT-2 was
/// trained with (Hendrycks & Gimpel 2016, §2). Any shape.
template <Scalar T>
Var<T> gelu_tanh(Var<T> x);

}  // namespace tapehead
