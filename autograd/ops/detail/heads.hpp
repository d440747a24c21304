#pragma once

#include <cstdint>

#include "autograd/shape.hpp"

namespace tapehead {

/// Throws ConfigError "<op>: heads must be at least 1, not 0".
void require_heads(const char* op, std::int64_t heads);
/// Throws ShapeError "<op>: 3 heads do not divide the 4 rows of (4, 5)" where they do not.
void require_heads_divide(const char* op, std::int64_t heads, std::int64_t size, const char* axis, const Shape& x);

/// Calls f(joined, apart, D) for each head of each column: where its D numbers begin in (H·D, T, B) and in (D, T, H·B).
template <class F>
void for_each_head(const Shape& joined, std::int64_t heads, F f) {
  const std::int64_t width = joined.rows / heads;
  for (std::int64_t b = 0; b < joined.slices; ++b) {
    for (std::int64_t t = 0; t < joined.columns; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        f(joined.offset({h * width, t, b}), width * (t + joined.columns * (h + heads * b)), width);
      }
    }
  }
}

}  // namespace tapehead
