#include <algorithm>

#include "trainers/metrics/output_metric.hpp"

namespace tapehead {

OutputMetric metric_first_token() {
  return {.spec = {.name = "first_token",
                   .unit = "share",
                   .direction = Better::higher,
                   .description = "of outputs whose first token is right",
                   .common = true},
          .of = [](std::span<const Output> outputs) {
            const auto right = std::ranges::count_if(outputs, [](const Output& output) {
              const auto& [written, expected] = output;
              return !written.empty() && !expected.empty() && written[0] == expected[0];
            });
            return static_cast<double>(right) / static_cast<double>(outputs.size());
          }};
}

}  // namespace tapehead
