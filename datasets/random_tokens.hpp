#pragma once

#include <vector>

#include "datasets/dataset.hpp"

namespace tapehead {

struct RandomTokensOptions {
  std::int64_t vocabulary = 64;    ///< reserved ids included
  std::int64_t source_length = 0;  ///< positions of every source, its end included; 0: sequences without sources
  std::int64_t target_length = 1;  ///< positions of every input, its start included
};

/// Sequences of random tokens, all of one length, with nothing to learn: for measuring what a step costs.
class RandomTokens : public Dataset {
 public:
  /// Throws ConfigError for a vocabulary without a free id, or a target without a position.
  explicit RandomTokens(const RandomTokensOptions& options);

  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return vocabulary_; }
  const ExampleShape& shape() const override { return shape_; }
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  /// Nothing is held out.
  std::int64_t size(Split) const override { return 0; }
  SequencePair example(Split split, std::int64_t index) const override;
  std::uint64_t digest() const override;

 private:
  RandomTokensOptions options_;
  ExampleShape shape_;
  Vocabulary vocabulary_;
  std::vector<std::int32_t> pool_;
};

}  // namespace tapehead
