#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "datasets/line_format.hpp"
#include "datasets/readers/plain_text_options.hpp"
#include "datasets/readers/text.hpp"

namespace tapehead {

/// Lines of plain text as numbers of their words: characters as they stand, or words as a LineSplitter finds them.
class PlainWords {
 public:
  PlainWords(Tokenizer tokenizer, WordNumbers& words) : tokenizer_(tokenizer), split_(tokenizer), words_(words) {}

  /// Adds those of a line. REQUIRES: is_utf8(line).
  void append(std::string_view line, std::vector<std::int32_t>& numbers);

 private:
  Tokenizer tokenizer_;
  LineSplitter split_;
  WordNumbers& words_;
};

/// A text as one row of ids, without a gap: the end of a line is the token "\n".
struct TextRow {
  std::vector<std::int32_t> ids = {};
  std::int32_t before = kStart;  ///< the token before it, where it is cut out of a longer text
  std::string file = {};
  std::int64_t first_line = 1;       ///< of the file, where the row begins
  std::int32_t line_end = kUnknown;  ///< id of "\n"

  std::int64_t size() const { return std::ssize(ids); }
  std::span<const std::int32_t> part(std::int64_t first, std::int64_t last) const {
    return std::span(ids).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  }
  /// What stands before token `i`.
  std::int32_t before_token(std::int64_t i) const { return i == 0 ? before : ids[static_cast<std::size_t>(i - 1)]; }
  /// "file:line" of a token.
  std::string place(std::int64_t i) const;
};

/// Plain text as rows of ids, one for each split. Without files for validation and test, these are the last parts of
/// the text: what is trained on, then validation, then test. The vocabulary is that of what is trained on.
class TextRows {
 public:
  /// `task` is for messages; `more_words` are put behind those of the text. With `known` vocabularies there need be no
  /// text to train on. Throws DataError for a file that is missing, is not UTF-8 or holds nothing, ConfigError for
  /// absurd options.
  TextRows(const std::string& task, const PlainTextOptions& plain, const TextOptions& options,
           std::optional<Vocabularies> known, const std::vector<std::string>& more_words = {});

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const TextRow& train() const { return train_; }
  const TextRow& held_out(Split split) const { return split == Split::test ? test_ : validation_; }
  bool in_characters() const { return tokenizer_ == Tokenizer::characters; }

  /// What people should know: sizes, and what is unknown in the held-out rows.
  std::vector<std::string> notes() const;
  std::uint64_t digest(std::uint64_t seed) const;

 private:
  Tokenizer tokenizer_;
  Vocabulary vocabulary_;
  std::size_t added_words_;
  TextRow train_, validation_, test_;
};

/// How people write a piece of such text: characters as they stand, or words. An empty line stands for the end of one.
LineFormat row_lines(Tokenizer tokenizer);

/// Throws ConfigError for what no reader of plain text takes.
void check(const std::string& task, const PlainTextOptions& plain, const TextOptions& options, bool words_are_known);

/// The vocabulary of numbered words that occur in `numbers`.
Vocabulary vocabulary_of(const WordNumbers& words, std::span<const std::int32_t> numbers, const TextOptions& options,
                         const std::vector<std::string>& more_words = {});

}  // namespace tapehead
