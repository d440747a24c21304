#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/base/random.hpp"
#include "datasets/dataset.hpp"
#include "datasets/epoch_order.hpp"
#include "datasets/readers/masking_options.hpp"
#include "datasets/readers/plain_text_options.hpp"
#include "datasets/readers/text.hpp"
#include "datasets/readers/text_rows.hpp"

namespace tapehead {

/// What stands in the place of a hidden token: the last word of the vocabulary.
inline constexpr const char* kMask = "<mask>";

/// Plain text in which some tokens are to be guessed (Devlin et al. 2019, §3.1, "masked LM"). A file is one row of
/// tokens, cut into pieces of max_length. The source is a piece with some tokens hidden, the target the piece, of which
/// the chosen tokens count, one at least, and nothing else.
///
/// Which tokens are chosen follows from (seed, step) in training, and never changes in held-out pieces.
class MaskedTextDataset : public Dataset {
 public:
  /// `options.max_length` is the length of a piece. With `known` vocabularies there need be no text to train on. Throws
  /// what TextRows throws, and DataError for known words without kMask.
  MaskedTextDataset(const PlainTextOptions& plain, const TextOptions& options, const MaskingOptions& masking,
                    std::optional<Vocabularies> known = {});

  const Vocabulary& source_vocabulary() const override { return rows_.vocabulary(); }
  const Vocabulary& target_vocabulary() const override { return rows_.vocabulary(); }
  const ExampleShape& shape() const override { return shape_; }
  /// Throws DataError if there is no text to train on.
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override;
  std::int64_t size(Split split) const override { return pieces(rows_.held_out(split)); }
  SequencePair example(Split split, std::int64_t index) const override;
  std::string place(Split split, std::int64_t index) const override;
  bool counts_ends() const override { return false; }
  const std::string& headline() const override;
  std::vector<std::string> notes() const override;
  std::uint64_t digest() const override;

 private:
  std::int64_t pieces(const TextRow& row) const;
  std::span<const std::int32_t> piece(const TextRow& row, std::int64_t i) const;
  void write(std::span<const std::int32_t> piece, const RandomStream& random, std::uint32_t number,
             ExampleWriter& out) const;
  std::string baseline() const;

  MaskingOptions masking_;
  TextRows rows_;
  std::int64_t length_;
  std::int32_t mask_ = 0;  // its id
  EpochOrder order_;
  ExampleShape shape_{.data = "task masked-text"};
};

}  // namespace tapehead
