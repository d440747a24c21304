#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// u_h · tanh(q + k) of each key and query (Bahdanau, Cho & Bengio 2015, §A.1.2, after its two projections): key
/// (A, K, H·B), query (A, Q, H·B), direction u (A, H) → (K, Q, H·B); slice h + H·b is head h of example b. Throws
/// ShapeError if sizes do not fit.
template <Scalar T>
Var<T> additive_score(Var<T> key, Var<T> query, Var<T> direction);

}  // namespace tapehead
