#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainers/metrics/result.hpp"

namespace tapehead {

/// What greedy search wrote for a held-out example, one token more than the longest target at most, and what ought to
/// stand there: ids without start and end. Nothing was written where the model has too few positions. A kUnknown of the
/// target is a word that nobody can write right.
struct Output {
  std::span<const std::int32_t> written, expected;
};

/// A metric of what a model writes, as data: `OutputMetric metric_NAME()` in trainers/metrics/NAME.cpp. It is measured
/// where outputs are asked for (see EvaluationOptions), since every example must be decoded for it. `tapehead list
/// metrics`, `eval`, --best-metric, --stop-when and slices follow from it.
struct OutputMetric {
  MetricSpec spec;
  /// Of some of the examples, in the order of the data; not a number where there is none.
  double (*of)(std::span<const Output> outputs);
};

/// Every metric of outputs. Generated from the list of metrics: one without a spec does not link.
const std::vector<OutputMetric>& output_metrics();

/// All of them.
std::vector<Result> output_results(std::span<const Output> outputs);

}  // namespace tapehead
