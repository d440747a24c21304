#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "datasets/epoch_order.hpp"
#include "datasets/readers/plain_text_options.hpp"
#include "datasets/readers/text.hpp"

namespace tapehead {

/// Lines of a file, each an example by itself, for a language model: names, words, recipes. A line that stands there
/// twice is taken once. Without files for validation and test, the hash of a line says which split it belongs to, so no
/// line is ever in two, whatever else the file holds.
class LinesDataset : public Dataset {
 public:
  /// With `known` vocabularies there need be no text to train on. Training lines longer than options.max_length are
  /// left out; held-out ones stay, and make nothing larger. Throws DataError for a file that is missing, is not UTF-8
  /// or holds no line, ConfigError for absurd options.
  LinesDataset(const PlainTextOptions& plain, const TextOptions& options, std::optional<Vocabularies> known = {});

  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return vocabulary_; }
  const ExampleShape& shape() const override { return shape_; }
  /// Throws DataError if there is nothing to train on.
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override { return std::ssize(held_out(split).starts) - 1; }
  SequencePair example(Split split, std::int64_t index) const override;
  std::string place(Split split, std::int64_t index) const override;
  bool counts_characters() const override { return tokenizer_ == Tokenizer::characters; }
  std::int64_t characters(const ExampleView& example) const override { return std::ssize(example.target) + 1; }
  const std::string& headline() const override;
  std::span<const Slice> slices() const override;
  std::vector<std::string> notes() const override;
  std::uint64_t digest() const override;

 private:
  // Some lines, one behind the other.
  struct Lines {
    std::vector<std::int32_t> ids = {};
    std::vector<std::int64_t> starts = {0};  // of each line, and where the last one ends
    std::vector<std::int64_t> numbers = {};  // of the lines in their file
    std::string file = {};

    std::span<const std::int32_t> operator[](std::int64_t i) const;
    void add(std::span<const std::int32_t> line, std::int64_t number);
  };
  // What reading a file left out.
  struct Found {
    std::string file = {};
    std::int64_t lines = 0, repeats = 0, blank = 0, too_long = 0, in_training = 0;
  };

  const Lines& held_out(Split split) const { return split == Split::test ? test_ : validation_; }

  Tokenizer tokenizer_;
  Vocabulary vocabulary_;
  Lines train_, validation_, test_;
  std::vector<Found> found_;
  EpochOrder order_;
  ExampleShape shape_{.data = "task lines", .has_source = false};
};

}  // namespace tapehead
