#include "autograd/ops/require.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

void require_same_shape(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return;
  throw ShapeError(fmt::format("{}: shapes differ: a is {}, b is {}", op, to_string(a), to_string(b)));
}

void require_rows(const char* op, const Shape& x) {
  if (x.rows > 0) return;
  throw ShapeError(fmt::format("{}: a column needs at least one row, x is {}", op, to_string(x)));
}

}  // namespace tapehead
