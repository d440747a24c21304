#include "datasets/vocabularies/tokenizer.hpp"

#include <fmt/format.h>
#include <utf8.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using CodePoints = std::u32string_view;

constexpr bool contains(CodePoints set, char32_t c) { return set.find(c) != CodePoints::npos; }

// Control characters too: a word that holds one, a null above all, would not come back from a file as it went.
constexpr bool is_space(char32_t c) {
  return c <= U' ' || (c >= 0x7f && c <= 0xa0) || (c >= 0x2000 && c <= 0x200b) ||
         contains(U"\u1680\u2028\u2029\u202f\u205f\u3000\ufeff", c);
}

// What no reader sees and what says nothing about a word: soft hyphen, marks of direction, word joiner.
constexpr bool is_unseen(char32_t c) {
  return c == 0xad || c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || c == 0x2060 ||
         (c >= 0x2066 && c <= 0x2069);
}

constexpr bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

// Marks that stand against the word before them, after them, on both sides, or on neither. Quotes take turns.
constexpr CodePoints kClosing = U".,!?;:)]}%…”’»、。！？/";
constexpr CodePoints kOpening = U"([{„‘«¿¡$#@/";
constexpr CodePoints kOther = U"'-–—&*+=<>~|\\^_`";
constexpr CodePoints kInsideWord = U"'’-";
constexpr CodePoints kInsideNumber = U".,:";

constexpr bool is_quote(char32_t c) { return c == U'"' || c == U'“'; }

constexpr bool is_one_of_the_marks(char32_t c) {
  return is_quote(c) || contains(kClosing, c) || contains(kOpening, c) || contains(kOther, c);
}

constexpr auto kAsciiMarks = [] {
  std::array<bool, 128> marks{};
  for (char32_t c = 0; c < marks.size(); ++c) marks[c] = is_one_of_the_marks(c);
  return marks;
}();

bool is_mark(char32_t c) {
  if (c < kAsciiMarks.size()) return kAsciiMarks[c];
  return (c < 0xc0 || c >= 0x2000) && is_one_of_the_marks(c);  // between lie the letters of most languages
}

bool is_letter(char32_t c) { return !is_space(c) && !is_mark(c); }

// Whether a mark belongs to the word around it: I'm, well-known, 2:30, 50,000. At either end of a line stands 0.
bool is_inside(char32_t before, char32_t mark, char32_t after) {
  if (is_digit(before) && is_digit(after) && contains(kInsideNumber, mark)) return true;
  return contains(kInsideWord, mark) && is_letter(before) && is_letter(after);
}

// Walks over the characters of a line.
class Characters {
 public:
  explicit Characters(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  bool done() const { return at_ == end_; }
  const char* place() const { return at_; }
  char32_t next() {
    if (const auto first = static_cast<unsigned char>(*at_); first < 0x80) {
      ++at_;
      return first;
    }
    return static_cast<char32_t>(utf8::unchecked::next(at_));
  }
  char32_t peek() const { return done() ? U'\0' : Characters(*this).next(); }

 private:
  const char* at_;
  const char* end_;
};

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

void split_words(std::string_view line, std::vector<std::string_view>& tokens) {
  Characters text(line);
  const char* word = nullptr;  // where the word began that is being read
  const auto finish = [&](const char* end) {
    if (word != nullptr) tokens.push_back(between(word, end));
    word = nullptr;
  };
  for (char32_t before = 0; !text.done();) {
    const char* begin = text.place();
    const char32_t c = text.next();
    if (is_space(c)) {
      finish(begin);
    } else if (!is_mark(c) || is_inside(before, c, text.peek())) {
      if (word == nullptr) word = begin;
    } else {
      finish(begin);
      tokens.push_back(between(begin, text.place()));
    }
    before = c;
  }
  finish(text.place());
}

void split_characters(std::string_view line, std::vector<std::string_view>& tokens) {
  Characters text(line);
  bool after_space = false;
  while (!text.done()) {
    const char* begin = text.place();
    const bool space = is_space(text.next());
    if (!space && after_space && !tokens.empty()) tokens.emplace_back(" ");
    if (!space) tokens.push_back(between(begin, text.place()));
    after_space = space;
  }
}

// Every character that is_unseen begins with one of these bytes: most lines need no second look.
bool may_have_unseen(std::string_view line) { return line.find_first_of("\xc2\xd8\xe2") != std::string_view::npos; }

bool has_unseen(std::string_view line) {
  if (!may_have_unseen(line)) return false;
  for (Characters text(line); !text.done();) {
    if (is_unseen(text.next())) return true;
  }
  return false;
}

std::string without_unseen(std::string_view line) {
  std::string seen;
  for (Characters text(line); !text.done();) {
    const char* begin = text.place();
    if (!is_unseen(text.next())) seen += between(begin, text.place());
  }
  return seen;
}

std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  utf8::utf8to32(text.begin(), text.end(), std::back_inserter(out));
  return out;
}

std::string join_words(std::span<const std::string> words) {
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

}  // namespace

Tokenizer parse_tokenizer(const std::string& text) {
  if (text == "word") return Tokenizer::words;
  if (text == "char") return Tokenizer::characters;
  throw ConfigError(fmt::format("tokenizer: \"{}\" is none of word, char", text));
}

std::span<const std::string_view> LineSplitter::operator()(std::string_view line) {
  tokens_.clear();
  if (has_unseen(line)) line = seen_ = without_unseen(line);
  tokenizer_ == Tokenizer::words ? split_words(line, tokens_) : split_characters(line, tokens_);
  return tokens_;
}

std::vector<std::string_view> exact_characters(std::string_view line) {
  std::vector<std::string_view> tokens;
  for (Characters text(line); !text.done();) {
    const char* begin = text.place();
    text.next();
    tokens.push_back(between(begin, text.place()));
  }
  return tokens;
}

bool is_blank(std::string_view line) {
  for (Characters text(line); !text.done();) {
    const char32_t c = text.next();
    if (!is_space(c) && !is_unseen(c)) return false;
  }
  return true;
}

std::vector<std::string> tokenize(std::string_view line, Tokenizer tokenizer) {
  LineSplitter split(tokenizer);
  const auto tokens = split(line);
  return {tokens.begin(), tokens.end()};
}

std::string detokenize(std::span<const std::string> tokens, Tokenizer tokenizer) {
  if (tokenizer == Tokenizer::words) return join_words(tokens);
  std::string line;
  for (const std::string& token : tokens) line += token;
  return line;
}

}  // namespace tapehead
