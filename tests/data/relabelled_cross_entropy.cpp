#include "tests/data/relabelled_cross_entropy.hpp"

#include <utility>

#include "autograd/ops/add.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/slice.hpp"

namespace tapehead::testing_support {
namespace {

// Rows 0 and `row` of x in each other's place.
Var<double> exchange_rows(Var<double> x, std::int32_t row) {
  if (row == 0) return x;
  std::vector<Var<double>> rows;
  for (std::int64_t r = 0; r < x.shape().rows; ++r) {
    rows.push_back(slice(x, Axis::rows, r == 0 ? row : r == row ? 0 : r, 1));
  }
  return concatenate<double>(rows, Axis::rows);
}

}  // namespace

RelabelledCrossEntropy::RelabelledCrossEntropy(const std::vector<std::int32_t>& targets,
                                               std::optional<std::int32_t> ignored)
    : ignored_(ignored) {
  for (const std::int32_t target : targets) {
    targets_.push_back(target == ignored.value_or(0) ? 0 : target == 0 ? *ignored : target);
    zeros_.push_back(target == 0 ? 1 : 0);
  }
}

Var<double> RelabelledCrossEntropy::operator()(Var<double> logits, const CrossEntropyOptions& options) const {
  const Shape& shape = logits.shape();
  const TokenView all{
      .ids = targets_.data(), .stride = shape.columns, .positions = shape.columns, .examples = shape.slices};
  if (ignored_) return cross_entropy(exchange_rows(logits, *ignored_), all, options);

  CrossEntropyOptions parts = options;
  if (parts.denominator == 0) parts.denominator = static_cast<double>(targets_.size());
  TokenView zeros = all;
  zeros.ids = zeros_.data();
  return add(cross_entropy(logits, all, parts), cross_entropy(exchange_rows(logits, 1), zeros, parts));
}

}  // namespace tapehead::testing_support
