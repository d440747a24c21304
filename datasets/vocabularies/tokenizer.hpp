#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tapehead {

/// How a line becomes tokens.
enum class Tokenizer {
  words,       ///< words, numbers and marks: what most text wants
  characters,  ///< characters, a space one of them: numbers, names and spelling, of which a model sees few words twice
};

/// "word" or "char"; anything else throws ConfigError.
Tokenizer parse_tokenizer(const std::string& text);

/// Takes lines apart, and keeps its memory from line to line.
///
/// Words: split at white space and control characters, and around each punctuation mark, except an apostrophe or hyphen
/// inside a word and `. , :` between digits: `I'm OK at 2:30.` → `I'm` `OK` `at` `2:30` `.`. Case is kept.
/// Characters: each character is a token, white space between others one token " ".
/// Either way soft hyphens, word joiners and marks of direction are left out: nobody sees that they are there.
class LineSplitter {
 public:
  explicit LineSplitter(Tokenizer tokenizer) : tokenizer_(tokenizer) {}

  /// The tokens, valid until the next call and no longer than the line. REQUIRES: is_utf8(line).
  std::span<const std::string_view> operator()(std::string_view line);

 private:
  Tokenizer tokenizer_;
  std::string seen_;  // the line without what cannot be seen, where it had any
  std::vector<std::string_view> tokens_;
};

/// The characters of a line as they stand, each a token, white space too: for text of which nothing may be lost.
/// REQUIRES: is_utf8(line).
std::vector<std::string_view> exact_characters(std::string_view line);

/// Whether the line has no tokens. REQUIRES: is_utf8(line).
bool is_blank(std::string_view line);

/// The tokens of one line. REQUIRES: is_utf8(line).
std::vector<std::string> tokenize(std::string_view line, Tokenizer tokenizer = Tokenizer::words);

/// Joins tokens into a line as it is written. Words: no space before `. , ! ?` and closing marks, none after opening
/// ones; of the quotes `"…"` and `„…“` the first opens and the next closes. REQUIRES: is_utf8 of every token.
std::string detokenize(std::span<const std::string> tokens, Tokenizer tokenizer = Tokenizer::words);

}  // namespace tapehead
