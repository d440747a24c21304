#pragma once

#include <span>

#include "autograd/ops/axis.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// The parts one after another along an axis; their other sizes are equal. Throws ShapeError if they are not, or
/// if there is no part.
template <Scalar T>
Var<T> concatenate(std::span<const Var<T>> parts, Axis axis);

}  // namespace tapehead
