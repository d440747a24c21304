#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/base/options.hpp"
#include "datasets/dataset.hpp"
#include "datasets/epoch_order.hpp"
#include "datasets/readers/pair_ids.hpp"
#include "datasets/readers/pairs.hpp"
#include "datasets/vocabularies/tokenizer.hpp"
#include "datasets/vocabularies/word_numbers.hpp"

namespace tapehead {

/// Pairs of lines. Each file name is one tab-separated file (`source<TAB>target`, a remark in a third column ignored),
/// or two parallel files joined by a comma: `train.en,train.de`; see pair_name.hpp for names that hold commas.
struct TextOptions {
  std::string train = {};
  std::string valid = {};  ///< empty: no such split
  std::string test = {};   ///< empty: no such split
  Columns columns = {};    ///< of tab-separated files, of all of them
  Tokenizer tokenizer = Tokenizer::words;
  std::int64_t min_count = 1;  ///< words seen less often in the training file are unknown
  std::int64_t max_words = 0;  ///< of each vocabulary; 0: no limit
  /// Training pairs with more tokens on a side are left out; held-out ones stay, but nothing is made larger for them.
  std::int64_t max_length = 50;

  static Fields<TextOptions> fields();
};

/// How many of some words are not in the vocabulary, each counted as often as it occurs.
struct UnknownWords {
  std::int64_t words = 0;
  std::int64_t unknown = 0;

  double share() const { return words == 0 ? 0 : static_cast<double>(unknown) / static_cast<double>(words); }
};

/// What was found in the data of one split.
struct SplitReport {
  PairFileReport file = {};
  UnknownWords source = {}, target = {};  ///< of the pairs that the split holds
  /// Held-out pairs that stand in the training file too, word for word; pairs of the training file that stand in it
  /// before. Nothing if no training file was read.
  std::optional<std::int64_t> seen_in_training = {};
  std::int64_t sources_in_training = 0;  ///< of the other held-out pairs: those whose source stands there
};

/// What reading the files left out or noticed.
struct TextReport {
  Tokenizer tokenizer = Tokenizer::words;
  SplitReport train, validation, test;
  std::int64_t training_pairs = 0;
  std::int64_t too_long = 0;  ///< training pairs over max_length, left out
  /// Training words that occur there once, as shares of all training words: nothing can be learnt of such a word.
  double source_seen_once = 0, target_seen_once = 0;

  const SplitReport& of(Split split) const { return split == Split::test ? test : validation; }
};

/// Real text, word by word or character by character. Vocabularies come from the training file alone. An epoch's order
/// is a permutation that depends on (seed, epoch) alone; the batch of step s holds examples (s-1)·B … s·B-1 of the
/// endless row of epochs, so one batch may end an epoch and begin the next.
class TextDataset : public Dataset {
 public:
  /// With `known` vocabularies, those of a trained model say, they are taken as they are and `options.train` may be
  /// empty: then there is nothing to train on.
  ///
  /// Throws DataError, naming file and line, for a file that is missing, empty, has no pair or is not UTF-8, and for
  /// parallel files of unequal length; ConfigError for absurd options.
  explicit TextDataset(const TextOptions& options, std::optional<Vocabularies> known = {});

  const TextReport& report() const { return report_; }
  const TextReport* reading() const override { return &report_; }

  const Vocabulary& source_vocabulary() const override { return vocabularies_.source; }
  const Vocabulary& target_vocabulary() const override { return vocabularies_.target; }
  const ExampleShape& shape() const override { return shape_; }
  /// Throws DataError if there is no training file.
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override;
  SequencePair example(Split split, std::int64_t index) const override;
  std::vector<std::string> source_words(Split split, std::int64_t index) const override;
  std::vector<std::string> target_words(Split split, std::int64_t index) const override;
  std::string place(Split split, std::int64_t index) const override;
  std::span<const Slice> slices() const override;
  std::uint64_t digest() const override;

 private:
  // Held-out pairs keep the numbers of their words, so that also unknown ones can be shown.
  const PairIds& held_out(Split split) const { return split == Split::test ? test_ : validation_; }

  WordNumbers source_words_, target_words_;
  std::vector<std::int32_t> source_ids_, target_ids_;  // of each word number
  Vocabularies vocabularies_;
  PairIds train_;              // ids
  PairIds validation_, test_;  // word numbers
  std::vector<std::int64_t> validation_lines_, test_lines_;
  ExampleShape shape_{.data = "task text"};
  TextReport report_;

  EpochOrder order_;
};

}  // namespace tapehead
