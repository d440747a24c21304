#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y[c, t, b] = x[c, t, b] + term[c, t or 0, b or 0]: a column (C, 1, 1) is added to every column, a table of
/// positions (C, T, 1) to every slice, one column a slice (C, 1, B) to every position.
/// x (C, T, B) → (C, T, B). Throws ShapeError if a size of term is neither x's nor 1, or if the rows differ.
template <Scalar T>
Var<T> add_broadcast(Var<T> x, Var<T> term);

}  // namespace tapehead
