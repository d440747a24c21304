#include "datasets/line_format.hpp"

#include <fmt/format.h>

#include <sstream>

#include "autograd/base/errors.hpp"
#include "autograd/base/text.hpp"

namespace tapehead {
namespace {

std::vector<std::string> split_at_spaces(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string joined_by_spaces(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

LineFormat symbol_lines() { return {.words = split_at_spaces, .line = joined_by_spaces, .refuses_unknown = true}; }

LineFormat text_lines(Tokenizer tokenizer) {
  const auto words = [tokenizer](const std::string& line) {
    if (line.find('\t') != std::string::npos) {  // what stands behind it would be read as more of the source
      throw DataError("the line holds a tab; give the source alone (cut -f1 takes it out of a file of pairs)");
    }
    return tokenize(to_nfc(line), tokenizer);
  };
  return {.words = words,
          .line = [tokenizer](std::span<const std::string> text) { return detokenize(text, tokenizer); }};
}

std::vector<std::int32_t> encode(const LineFormat& format, const Vocabulary& vocabulary, const std::string& line) {
  if (!is_utf8(line)) throw DataError("the line is not UTF-8");
  const std::vector<std::string> words = format.words(line);
  std::vector<std::int32_t> ids = vocabulary.ids(words);
  for (std::size_t i = 0; format.refuses_unknown && i < ids.size(); ++i) {
    if (ids[i] == kUnknown) throw DataError(fmt::format("\"{}\" is no symbol that the model knows", words[i]));
  }
  return ids;
}

}  // namespace tapehead
