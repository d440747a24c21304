#include "trainers/batching.hpp"

#include <algorithm>

namespace tapehead {

double batch_budget(const Model& model) {
  constexpr double kEnough = 1 << 22;
  return std::max(kEnough, static_cast<double>(model.layout().parameter_count()));
}

std::vector<ExampleRange> cut_batches(const ModelConfig& config, std::span<const SequenceLengths> examples,
                                      double budget) {
  std::vector<ExampleRange> batches;
  SequenceLengths longest;
  double each = 0;  // numbers that an example keeps, padded to the longest of its batch
  for (std::int64_t i = 0; i < std::ssize(examples); ++i) {
    const SequenceLengths& example = examples[static_cast<std::size_t>(i)];
    if (!batches.empty()) {
      const SequenceLengths grown{std::max(longest.source, example.source), std::max(longest.target, example.target)};
      const bool same = grown.source == longest.source && grown.target == longest.target;
      const double each_grown = same ? each : pass_values(config, grown);
      if (each_grown * static_cast<double>(i + 1 - batches.back().first) <= budget) {
        longest = grown;
        each = each_grown;
        batches.back().last = i + 1;
        continue;
      }
    }
    batches.push_back({i, i + 1});
    longest = example;
    each = pass_values(config, example);
  }
  return batches;
}

}  // namespace tapehead
