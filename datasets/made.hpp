#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autograd/base/options.hpp"
#include "datasets/dataset.hpp"
#include "datasets/task.hpp"

namespace tapehead {

struct MadeOptions {
  std::string task = "copy";  ///< see task_specs()
  std::int64_t symbols = 32;
  std::int64_t min_length = 4;
  std::int64_t max_length = 20;
  std::int64_t validation = 500;  ///< held-out sequences of each split
  std::int64_t test = 1000;
  /// Values of the options that the task itself declares; those that are missing have their defaults.
  NamedValues own = {};

  static Fields<MadeOptions> fields();
};

/// The options with the defaults of those that the task itself declares. Throws ConfigError for a value that one of
/// these does not allow.
MadeOptions with_own_options(const TaskSpec& task, MadeOptions options);

/// The examples of a made task, without end.
///
/// An example belongs to one split for ever: the hash of its source says which (of 20 buckets, one for test, one for
/// validation, the rest for training), so no training source is ever held out, whatever the seed. Held-out sets are
/// distinct examples, drawn once, evenly over the levels of the task (its lengths); levels uniform in training.
class MadeDataset : public Dataset {
 public:
  /// Throws ConfigError for an unknown task, absurd sizes, a space too small for its splits, and a level of which no
  /// example is left to train on.
  explicit MadeDataset(const MadeOptions& options);
  /// The same for a task that stands in no list; options.task is not used.
  MadeDataset(const TaskSpec& task, const MadeOptions& options);

  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override {
    return target_vocabulary_ ? *target_vocabulary_ : vocabulary_;
  }
  const ExampleShape& shape() const override { return shape_; }
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override { return std::ssize(draws(split)); }
  SequencePair example(Split split, std::int64_t index) const override;
  const std::string& headline() const override { return task_.headline; }
  std::span<const Slice> slices() const override { return task_.slices; }
  std::uint64_t digest() const override;

 private:
  // What makes a held-out example again.
  struct Draw {
    std::uint32_t turn = 0, attempt = 0;
  };

  const std::vector<Draw>& draws(Split split) const { return split == Split::test ? test_ : validation_; }
  void write(Split split, Draw draw, ExampleWriter& out) const;
  std::vector<Draw> draw_held_out(Split split, std::int64_t count) const;
  std::uint64_t digest_of(const ExampleView& example, std::uint64_t seed = 0) const;
  bool is_held_out(const ExampleView& example) const;
  void check_sizes() const;
  void require_training_examples() const;

  TaskSpec task_;
  MadeOptions options_;
  std::int64_t levels_ = 0;
  ExampleShape shape_;
  Vocabulary vocabulary_;
  std::optional<Vocabulary> target_vocabulary_;
  std::vector<Draw> validation_, test_;
};

}  // namespace tapehead
