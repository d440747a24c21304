#include "autograd/ops/detail/require.hpp"

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

void require_vector(const char* op, const char* name, const Shape& vector, const Shape& x) {
  if (vector == Shape{x.rows}) return;
  throw ShapeError(
      fmt::format("{}: {} is {}, x {} needs {}", op, name, to_string(vector), to_string(x), to_string(Shape{x.rows})));
}

void require_epsilon(const char* op, double epsilon) {
  if (epsilon > 0) return;
  throw ConfigError(fmt::format("{}: epsilon must be positive, not {}", op, epsilon));
}

}  // namespace tapehead
