#include "datasets/tokenizer.hpp"

#include <utf8.h>

#include <algorithm>
#include <iterator>

namespace tapehead {
namespace {

using CodePoints = std::u32string_view;

bool contains(CodePoints set, char32_t c) { return set.find(c) != CodePoints::npos; }

bool is_space(char32_t c) { return contains(U" \t\r\n\v\f\u00a0\u2009\u202f\u3000", c); }

// Marks that stand against the word before them, after them, or between two words.
constexpr CodePoints kClosing = U".,!?;:)]}%…”’»、。！？";
constexpr CodePoints kOpening = U"([{„“‘«¿¡";
constexpr CodePoints kOther = U"\"'-–—/&*+=<>@#$~|\\^_`";
constexpr CodePoints kInsideWord = U"'’-";

bool is_mark(char32_t c) { return contains(kClosing, c) || contains(kOpening, c) || contains(kOther, c); }

std::string to_utf8(CodePoints text) {
  std::string out;
  utf8::utf32to8(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  utf8::utf8to32(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

}  // namespace

bool is_utf8(std::string_view text) { return utf8::is_valid(text.begin(), text.end()); }

std::vector<std::string> tokenize(std::string_view line) {
  const std::u32string text = to_utf32(line);
  std::vector<std::string> words;
  std::u32string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back(to_utf8(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool followed = i + 1 < text.size() && !is_space(text[i + 1]) && !is_mark(text[i + 1]);
    if (is_space(c)) {
      finish();
    } else if (!is_mark(c) || (contains(kInsideWord, c) && !word.empty() && followed)) {
      word += c;
    } else {
      finish();
      words.push_back(to_utf8(CodePoints(&c, 1)));
    }
  }
  finish();
  return words;
}

std::string detokenize(std::span<const std::string> words) {
  std::string line;
  bool glue = true;  // no space before the next word
  for (const std::string& word : words) {
    const std::u32string text = to_utf32(word);
    const bool mark = text.size() == 1;
    if (!glue && !(mark && contains(kClosing, text[0]))) line += ' ';
    line += word;
    glue = mark && contains(kOpening, text[0]);
  }
  return line;
}

}  // namespace tapehead
