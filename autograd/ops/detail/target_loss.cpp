#include "autograd/ops/detail/target_loss.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/require.hpp"

namespace tapehead {

std::int64_t count_targets(const char* op, const Shape& logits, const TokenView& expected,
                           const CrossEntropyOptions& options) {
  require_rows(op, logits);
  if (logits.columns != expected.positions || logits.slices != expected.examples) {
    throw ShapeError(fmt::format("{}: logits are {}, expected has {} positions and {} examples", op, to_string(logits),
                                 expected.positions, expected.examples));
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    throw ConfigError(fmt::format("{}: label_smoothing must be in [0, 1], not {}", op, options.label_smoothing));
  }
  if (!(options.denominator >= 0 && std::isfinite(options.denominator))) {
    throw ConfigError(fmt::format("{}: denominator must be finite and not negative, not {}", op, options.denominator));
  }
  std::int64_t counted = 0;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      const std::int32_t target = expected(t, b);
      if (target < 0 || target >= logits.rows) {
        throw DataError(fmt::format("{}: target {} at position {} of example {} is outside the vocabulary of {}", op,
                                    target, t, b, logits.rows));
      }
      counted += target != kPadding;
    }
  }
  return counted;
}

}  // namespace tapehead
