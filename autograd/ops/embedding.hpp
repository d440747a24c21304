#pragma once

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Looks up a column of the table for every token: y[:, t, b] = table[:, ids(t, b)].
/// table (C, V), ids (T, B) → (C, T, B). The gradient of a column is the sum over the tokens that used it. `ids` must
/// outlive backward(). Throws ShapeError if the table has several slices, DataError for an id outside [0, V).
template <Scalar T>
Var<T> embedding(Var<T> table, TokenView ids);

}  // namespace tapehead
