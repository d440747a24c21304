#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Logarithm of the softmax down each column: y = x − log Σ exp(x). x (K, Q, B) → (K, Q, B). Throws ShapeError if
/// K == 0. Keeps only its output; finite for any finite x.
template <Scalar T>
Var<T> log_softmax(Var<T> x);

}  // namespace tapehead
