#include "autograd/ops/require.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

void require_same_shape(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return;
  throw ShapeError(fmt::format("{}: shapes differ: a is {}, b is {}", op, to_string(a), to_string(b)));
}

}  // namespace tapehead
