#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Swaps rows and columns of every slice, never conjugating: x (R, C, S) → (C, R, S).
template <Scalar T>
Var<T> transpose(Var<T> x);

}  // namespace tapehead
