#pragma once

#include "autograd/base/batch_view.hpp"

namespace tapehead::testing_support {

/// Tokens as a model reads them; `expected` may be missing.
inline BatchView token_batch(const TokenView& source, const TokenView& input, const TokenView& expected = {}) {
  ColumnSet has{Column::source, Column::input};
  if (expected.examples > 0) has.add(Column::expected);
  std::int64_t counted = 0;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) counted += expected(t, b) != kPadding;
  }
  return {{.source = source, .input = input, .expected = expected}, has, "a test", input.examples, counted};
}

}  // namespace tapehead::testing_support
