#include "autograd/shape.hpp"

#include <fmt/format.h>

namespace tapehead {

std::string to_string(const Shape& shape) {
  if (shape.slices == 1) return fmt::format("({}, {})", shape.rows, shape.columns);
  return fmt::format("({}, {}, {})", shape.rows, shape.columns, shape.slices);
}

}  // namespace tapehead
