#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "datasets/readers/plain_text_options.hpp"
#include "datasets/readers/text.hpp"
#include "datasets/readers/text_rows.hpp"

namespace tapehead {

/// Plain text for a language model: a file is one row of tokens, of which an example is a window of max_length. Its
/// first token is said after the one that stands before it in the text, and no end is said.
///
/// A training window begins anywhere, a function of (seed, step, example). Held-out windows cover their whole split in
/// order: each counts its last `stride` tokens, those before are context, so every token of the split counts once.
class PlainTextDataset : public Dataset {
 public:
  /// With `known` vocabularies there need be no text to train on. Throws what TextRows throws, and DataError for a text
  /// that is shorter than a window.
  PlainTextDataset(const PlainTextOptions& plain, const TextOptions& options, std::optional<Vocabularies> known = {});

  const Vocabulary& source_vocabulary() const override { return rows_.vocabulary(); }
  const Vocabulary& target_vocabulary() const override { return rows_.vocabulary(); }
  const ExampleShape& shape() const override { return shape_; }
  /// Throws DataError if there is no text to train on.
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override;
  SequencePair example(Split split, std::int64_t index) const override;
  std::string place(Split split, std::int64_t index) const override;
  bool counts_characters() const override { return rows_.in_characters(); }
  std::int64_t characters(const ExampleView& example) const override;
  const std::string& headline() const override;
  std::vector<std::string> notes() const override;
  std::uint64_t digest() const override;

 private:
  TextRows rows_;
  std::int64_t length_, stride_;
  ExampleShape shape_;
};

}  // namespace tapehead
