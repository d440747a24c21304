#include <algorithm>
#include <numeric>

#include "autograd/base/tokens.hpp"
#include "trainers/metrics/output_metric.hpp"

namespace tapehead {
namespace {

// Tokens that must be written, left out or changed (Levenshtein 1966), row by row (Wagner & Fischer 1974).
std::int64_t edits(const Output& output) {
  const auto& [written, expected] = output;
  std::vector<std::int64_t> row(expected.size() + 1);  // from what is written so far to each beginning of the target
  std::iota(row.begin(), row.end(), 0);
  for (const std::int32_t token : written) {
    std::int64_t diagonal = row[0]++;
    for (std::size_t j = 0; j < expected.size(); ++j) {
      const bool same = token == expected[j] && token != kUnknown;
      const std::int64_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (same ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

// Of the longer of the two, so that it lies between 0 and 1.
double share_of_edits(const Output& output) {
  const std::size_t longer = std::max(output.written.size(), output.expected.size());
  return longer == 0 ? 0 : static_cast<double>(edits(output)) / static_cast<double>(longer);
}

}  // namespace

OutputMetric metric_edit_distance() {
  return {.spec = {.name = "edit_distance",
                   .unit = "share",
                   .direction = Better::lower,
                   .description = "of tokens to add, drop or change in what greedy search writes, mean over sequences",
                   .column = 8,
                   .common = true},
          .of = [](std::span<const Output> outputs) {
            double sum = 0;
            for (const Output& output : outputs) sum += share_of_edits(output);
            return sum / static_cast<double>(outputs.size());
          }};
}

}  // namespace tapehead
