#pragma once

#include "autograd/shape.hpp"

namespace tapehead {

/// Throws ShapeError "<op>: shapes differ: a is (3, 5), b is (4, 2)" unless a == b.
void require_same_shape(const char* op, const Shape& a, const Shape& b);

}  // namespace tapehead
