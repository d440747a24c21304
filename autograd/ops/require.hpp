#pragma once

#include "autograd/shape.hpp"

namespace tapehead {

/// Throws ShapeError "<op>: shapes differ: a is (3, 5), b is (4, 2)" unless a == b.
void require_same_shape(const char* op, const Shape& a, const Shape& b);

/// Throws ShapeError "<op>: a column needs at least one row, x is (0, 5)" if x has no rows.
void require_rows(const char* op, const Shape& x);

}  // namespace tapehead
