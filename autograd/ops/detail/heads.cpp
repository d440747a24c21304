#include "autograd/ops/detail/heads.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {

void require_heads(const char* op, std::int64_t heads) {
  if (heads < 1) throw ConfigError(fmt::format("{}: heads must be at least 1, not {}", op, heads));
}

void require_heads_divide(const char* op, std::int64_t heads, std::int64_t size, const char* axis, const Shape& x) {
  require_heads(op, heads);
  if (size % heads == 0) return;
  throw ShapeError(fmt::format("{}: {} heads do not divide the {} {} of {}", op, heads, size, axis, to_string(x)));
}

}  // namespace tapehead
