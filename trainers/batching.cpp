#include "trainers/batching.hpp"

#include <algorithm>

#include "layers/models/model.hpp"

namespace tapehead {

double batch_budget(const Model& model) {
  constexpr double kEnough = 1 << 22;
  return std::max(kEnough, static_cast<double>(model.layout().parameter_count()));
}

std::vector<ExampleRange> cut_batches(const Model& model, std::span<const SequenceLengths> examples, double budget,
                                      std::int64_t most) {
  std::vector<ExampleRange> batches;
  SequenceLengths longest;
  PassValues values;  // of a pass over examples that are padded to the longest of the batch
  for (std::int64_t i = 0; i < std::ssize(examples); ++i) {
    const SequenceLengths& example = examples[static_cast<std::size_t>(i)];
    if (!batches.empty() && i - batches.back().first < most) {
      const SequenceLengths grown{std::max(longest.source, example.source), std::max(longest.target, example.target)};
      const bool same = grown.source == longest.source && grown.target == longest.target;
      const PassValues of_grown = same ? values : pass_values(model, grown);
      if (of_grown.of(i + 1 - batches.back().first) <= budget) {
        longest = grown;
        values = of_grown;
        batches.back().last = i + 1;
        continue;
      }
    }
    batches.push_back({i, i + 1});
    longest = example;
    values = pass_values(model, example);
  }
  return batches;
}

Batch batch_of(std::span<const SequencePair> pairs, const Dataset& dataset, BatchLayout layout) {
  ExampleShape longest = dataset.shape();
  longest.source = longest.target = longest.features = 0;
  for (const SequencePair& pair : pairs) {
    longest.source = std::max<std::int64_t>(longest.source, std::ssize(pair.source));
    longest.target = std::max<std::int64_t>(longest.target, std::ssize(pair.target));
    if (longest.channels == 0) continue;
    longest.features = std::max<std::int64_t>(longest.features, std::ssize(pair.features) / longest.channels);
  }
  Batch batch(layout);
  batch.reserve(std::ssize(pairs), longest);
  for (const SequencePair& pair : pairs) batch.append(pair.view());
  return batch;
}

}  // namespace tapehead
