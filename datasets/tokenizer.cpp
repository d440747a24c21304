#include "datasets/tokenizer.hpp"

#include <utf8.h>

#include <algorithm>
#include <iterator>

namespace tapehead {
namespace {

using CodePoints = std::u32string_view;

bool contains(CodePoints set, char32_t c) { return set.find(c) != CodePoints::npos; }

// Control characters too: a word that holds one, a null above all, would not come back from a file as it went.
bool is_space(char32_t c) {
  return c <= U' ' || (c >= 0x7f && c <= 0xa0) || (c >= 0x2000 && c <= 0x200b) ||
         contains(U"\u1680\u2028\u2029\u202f\u205f\u3000\ufeff", c);
}

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

// Marks that stand against the word before them, after them, on both sides, or on neither. Quotes take turns.
constexpr CodePoints kClosing = U".,!?;:)]}%…”’»、。！？/";
constexpr CodePoints kOpening = U"([{„‘«¿¡$#@/";
constexpr CodePoints kOther = U"'-–—&*+=<>~|\\^_`";
constexpr CodePoints kInsideWord = U"'’-";
constexpr CodePoints kInsideNumber = U".,:";

bool is_quote(char32_t c) { return c == U'"' || c == U'“'; }

bool is_mark(char32_t c) {
  return is_quote(c) || contains(kClosing, c) || contains(kOpening, c) || contains(kOther, c);
}

// Whether the mark at `i` belongs to the word around it: I'm, well-known, 2:30, 50,000.
bool is_inside(CodePoints text, std::size_t i) {
  if (i == 0 || i + 1 == text.size()) return false;
  const char32_t before = text[i - 1];
  const char32_t after = text[i + 1];
  if (is_digit(before) && is_digit(after) && contains(kInsideNumber, text[i])) return true;
  const auto is_letter = [](char32_t c) { return !is_space(c) && !is_mark(c); };
  return contains(kInsideWord, text[i]) && is_letter(before) && is_letter(after);
}

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
    if (is_space(c)) {
      finish();
    } else if (!is_mark(c) || is_inside(text, i)) {
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
  bool straight_open = false;
  bool curly_open = false;  // “ closes what „ or “ has opened
  for (const std::string& word : words) {
    const std::u32string text = to_utf32(word);
    const char32_t mark = text.size() == 1 ? text[0] : U'\0';
    bool closes = contains(kClosing, mark);
    bool opens = contains(kOpening, mark);
    if (is_quote(mark)) {
      bool& open = mark == U'"' ? straight_open : curly_open;
      closes = open;
      opens = !open;
      open = opens;
    } else if (mark == U'„' || mark == U'”') {
      curly_open = mark == U'„';
    }
    if (!glue && !closes) line += ' ';
    line += word;
    glue = opens;
  }
  return line;
}

}  // namespace tapehead
