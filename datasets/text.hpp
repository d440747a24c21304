#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"

namespace tapehead {

/// Pairs of lines. Each file name is one tab-separated file (`source<TAB>target`, further fields ignored), or two
/// parallel files joined by a comma: `train.en,train.de`.
struct TextOptions {
  std::string train;
  std::string valid = {};        ///< empty: no such split
  std::string test = {};         ///< empty: no such split
  std::int64_t min_count = 1;    ///< words seen less often in the training file are unknown
  std::int64_t max_words = 0;    ///< of each vocabulary; 0: no limit
  std::int64_t max_length = 50;  ///< training pairs with more tokens on a side are left out
};

/// What reading the files left out or noticed; for showing before training.
struct TextReport {
  std::int64_t training_pairs = 0;
  std::int64_t bad_lines = 0;          ///< lines without two non-empty fields, over all files
  std::vector<std::string> first_bad_lines = {};  ///< of each file, "file:line"
  std::int64_t too_long = 0;           ///< training pairs over max_length
  std::int64_t held_out_in_train = 0;  ///< held-out pairs that stand in the training file too
};

/// Real text, word by word. Vocabularies come from the training file alone. An epoch's order is a permutation that
/// depends on (seed, epoch) alone; the batch of step s holds examples (s-1)·B … s·B-1 of the endless row of epochs, so
/// one batch may end an epoch and begin the next.
class TextDataset : public Dataset {
 public:
  /// Throws DataError, naming file and line, for a file that is missing, empty, has no pair or is not UTF-8, and for
  /// parallel files of unequal length; ConfigError for absurd options.
  explicit TextDataset(const TextOptions& options);

  const TextReport& report() const { return report_; }

  const Vocabulary& source_vocabulary() const override { return source_vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return target_vocabulary_; }
  std::int64_t max_source_length() const override { return max_source_; }
  std::int64_t max_target_length() const override { return max_target_; }
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override;
  SequencePair example(Split split, std::int64_t index) const override;
  std::uint64_t digest() const override;

 private:
  void take_lengths(const std::vector<SequencePair>& pairs);

  Vocabulary source_vocabulary_, target_vocabulary_;
  std::vector<SequencePair> train_, validation_, test_;
  std::int64_t max_source_ = 0, max_target_ = 0;
  TextReport report_;

  // The order of one epoch, made when it is first needed. Only a cache: guarded, and a function of its key.
  mutable std::mutex order_mutex_;
  mutable std::vector<std::uint32_t> order_;
  mutable std::uint64_t order_seed_ = 0, order_epoch_ = 0;
  mutable bool order_known_ = false;
};

}  // namespace tapehead
