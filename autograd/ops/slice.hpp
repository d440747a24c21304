#pragma once

#include "autograd/ops/axis.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Elements [first, first + count) along one axis, copied. Throws ShapeError if they do not all exist or count < 1.
template <Scalar T>
Var<T> slice(Var<T> x, Axis axis, std::int64_t first, std::int64_t count);

}  // namespace tapehead
