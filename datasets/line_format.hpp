#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "datasets/vocabularies/tokenizer.hpp"
#include "datasets/vocabularies/vocabulary.hpp"

namespace tapehead {

/// How people write a sequence of some data in a line.
struct LineFormat {
  /// The words of a line. Throws DataError for a line that is none of such data. REQUIRES: is_utf8(line).
  std::function<std::vector<std::string>(const std::string& line)> words;
  /// Words as people write them in a line.
  std::function<std::string(std::span<const std::string> words)> line;
  /// Of data that have features: those (C, T) of a line, in place of words. Throws as `words` does.
  std::function<std::vector<float>(const std::string& line)> features = {};
  /// Where an answer says what stands in places of the question: the question with those filled in. Empty: answers
  /// stand by themselves.
  std::function<std::vector<std::string>(std::vector<std::string> question, const std::vector<std::string>& answer)>
      filled_in = {};
  /// Whether a word that the vocabulary does not have is refused; else it is an unknown one.
  bool refuses_unknown = false;
};

/// Symbols with spaces between, of a fixed vocabulary.
LineFormat symbol_lines();
/// Text, which a tokenizer splits and joins. A tab is refused: it ends the source in a file of pairs.
LineFormat text_lines(Tokenizer tokenizer);

/// The ids of a line that somebody wrote. Throws DataError for one that is not UTF-8 or is refused by its format.
std::vector<std::int32_t> encode(const LineFormat& format, const Vocabulary& vocabulary, const std::string& line);

}  // namespace tapehead
