#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// |q − k|² of each key and query: key (D, K, B), query (D, Q, B) → (K, Q, B). Throws ShapeError if sizes do not fit.
template <Scalar T>
Var<T> squared_distance(Var<T> key, Var<T> query);

}  // namespace tapehead
