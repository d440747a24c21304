#pragma once

#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"

namespace tapehead {

struct MadeOptions {
  std::string task = "copy";  ///< see made_tasks()
  std::int64_t symbols = 32;
  std::int64_t min_length = 4;
  std::int64_t max_length = 20;
  std::int64_t validation = 500;  ///< held-out sequences of each split
  std::int64_t test = 1000;
};

/// The names of the tasks and what each makes of a source, for people.
struct MadeTask {
  std::string name, description;
};
std::vector<MadeTask> made_tasks();

/// Sequences of random symbols, and a target that follows from them by a rule.
///
/// A sequence belongs to one split for ever: its hash says which (of 20 buckets, one for test, one for validation, the
/// rest for training), so no training sequence is ever held out, whatever the seed. Held-out sets are distinct
/// sequences, drawn once, evenly over the lengths; lengths uniform in training.
class MadeDataset : public Dataset {
 public:
  /// Throws ConfigError for an unknown task, absurd sizes, a space too small for its splits, and a length of which no
  /// sequence is left to train on.
  explicit MadeDataset(const MadeOptions& options);

  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return vocabulary_; }
  const ExampleShape& shape() const override { return shape_; }
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override;
  SequencePair example(Split split, std::int64_t index) const override;
  std::uint64_t digest() const override;

 private:
  using Sequence = std::vector<std::int32_t>;
  using Rule = void (*)(std::span<const std::int32_t> source, std::span<std::int32_t> target);

  std::vector<Sequence> draw_held_out(Split split, std::int64_t count) const;
  void require_training_sequences() const;

  MadeOptions options_;
  Rule rule_;
  ExampleShape shape_;
  Vocabulary vocabulary_;
  std::vector<Sequence> validation_, test_;
};

}  // namespace tapehead
