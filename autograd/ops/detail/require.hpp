#pragma once

#include <algorithm>

#include "autograd/shape.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Throws ShapeError "<op>: shapes differ: a is (3, 5), b is (4, 2)" unless a == b.
void require_same_shape(const char* op, const Shape& a, const Shape& b);

/// Throws ShapeError "<op>: a column needs at least one row, x is (0, 5)" if x has no rows.
void require_rows(const char* op, const Shape& x);

/// Throws ShapeError "<op>: gain is (4, 1), x (5, 3) needs (5, 1)" unless the vector has an element for each row of x.
void require_vector(const char* op, const char* name, const Shape& vector, const Shape& x);

/// Throws ConfigError "<op>: epsilon must be positive, not 0".
void require_epsilon(const char* op, double epsilon);

/// `count` times `value`, in the place of an input that was left out.
template <Scalar T>
const T* filled(Tape<T>& tape, std::int64_t count, T value) {
  T* values = tape.allocate(count);
  std::fill_n(values, count, value);
  return values;
}

}  // namespace tapehead
