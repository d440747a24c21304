#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Softmax down each column: y = exp(x) / Σ exp(x). x (K, Q, B) → (K, Q, B). Throws ShapeError if K == 0. Keeps only
/// its output; finite for any finite x.
template <Scalar T>
Var<T> softmax(Var<T> x);

}  // namespace tapehead
