#include "layers/attention/mask_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <numeric>
#include <optional>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"
#include "autograd/masks/blocks.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/dilated.hpp"
#include "autograd/masks/documents.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/prefix.hpp"
#include "autograd/masks/window.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kLargest = 1'000'000'000;

// What a term is made of.
struct Making {
  std::string_view name;
  const std::vector<std::string>& arguments;
  const MaskSizes& sizes;
  std::deque<std::vector<std::int32_t>>& memory;

  [[noreturn]] void refuse(const std::string& why) const { throw ConfigError(fmt::format("mask: {}: {}", name, why)); }

  std::int64_t number(std::size_t i, std::int64_t low, std::optional<std::int64_t> otherwise = {}) const {
    if (i >= arguments.size() && otherwise) return *otherwise;
    std::int64_t number = 0;
    const std::string& text = arguments.at(i);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error != std::errc::invalid_argument && end == text.data() + text.size();
    if (!whole || (error == std::errc() && number < low)) {
      refuse(fmt::format("\"{}\" is no whole number from {} on", text, low));
    }
    if (error != std::errc() || number > kLargest)
      refuse(fmt::format("{} is too large; take {} at most", text, kLargest));
    return number;
  }

  // All arguments, kept as long as the mask.
  std::vector<std::int32_t> numbers(std::int64_t low) const {
    std::vector<std::int32_t> all;
    for (std::size_t i = 0; i < arguments.size(); ++i) all.push_back(static_cast<std::int32_t>(number(i, low)));
    return all;
  }
  const std::int32_t* kept(std::vector<std::int32_t> values) const {
    return memory.emplace_back(std::move(values)).data();
  }
};

struct Term {
  MaskTermText text;
  std::size_t fewest, most;  // arguments
  Mask (*make)(const Making&);
};

Mask causal(const Making& in) {
  if (in.arguments.empty()) return Causal{};
  if (in.arguments[0] == "end") return Causal{.offset = in.sizes.keys - in.sizes.queries};
  return Causal{.offset = in.number(0, -kLargest)};
}

Mask lengths(const Making& in) {
  std::vector<std::int32_t> all = in.numbers(0);
  const auto examples = static_cast<std::size_t>(in.sizes.examples);
  if (all.size() == 1) all.resize(examples, all.front());
  if (all.size() != examples) {
    in.refuse(fmt::format("{} for {}; give one for each, or one for all", counted(all.size(), "length"),
                          counted(examples, "example")));
  }
  return Lengths{in.kept(std::move(all))};
}

Mask documents(const Making& in) {
  const std::vector<std::int32_t> sizes = in.numbers(1);
  const std::int64_t sum = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (sum != in.sizes.keys) {
    in.refuse(
        fmt::format("they have {} together, and there are {}", counted(sum, "place"), counted(in.sizes.keys, "key")));
  }
  std::vector<std::int32_t> document;
  for (std::int64_t example = 0; example < in.sizes.examples; ++example) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      document.insert(document.end(), static_cast<std::size_t>(sizes[i]), static_cast<std::int32_t>(i));
    }
  }
  return Documents{in.kept(std::move(document))};
}

constexpr std::size_t kAny = 10000;

constexpr std::array kTerms{
    Term{{"causal", "offset | end", "keys up to its own place; end: the last query sees the last key"}, 0, 1, causal},
    Term{{"window", "left, right", "keys from `left` places before its own to `right` behind, 0 unless it is given"},
         1,
         2,
         [](const Making& in) -> Mask { return Window{.left = in.number(0, 0), .right = in.number(1, 0, 0)}; }},
    Term{{"prefix", "keys", "the first keys"}, 1, 1, [](const Making& in) -> Mask { return Prefix{in.number(0, 0)}; }},
    Term{{"lengths", "length, …", "keys within the length of its example"}, 1, kAny, lengths},
    Term{{"documents", "size, …", "keys of its own document; how many places each has"}, 1, kAny, documents},
    Term{{"dilated", "step", "every so many keys, counted from its own place"},
         1,
         1,
         [](const Making& in) -> Mask { return Dilated{.step = in.number(0, 1)}; }},
    Term{{"blocks", "size, before", "keys of its own block, and of some blocks before it"},
         1,
         2,
         [](const Making& in) -> Mask { return Blocks{.size = in.number(0, 1), .before = in.number(1, 0, 0)}; }},
};

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  for (const Term& term : kTerms) all.push_back(term.text.name);
  return all;
}

// Reads "a & b | c" from left to right. Without sizes it only looks whether all is well.
class Parser {
 public:
  Parser(std::string_view text, const MaskSizes* sizes, std::deque<std::vector<std::int32_t>>& memory)
      : text_(text), sizes_(sizes), memory_(memory) {}

  Mask whole() {
    const Mask mask = either();
    if (peek() != '\0') refuse(fmt::format("\"{}\" is not expected there", text_.substr(at_)));
    return mask;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw ConfigError(
        fmt::format("mask: {} in \"{}\"; write terms such as causal & window(4, 0) | prefix(2)", why, text_));
  }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string_view word() {
    const std::size_t begin = (peek(), at_);
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    };
    while (at_ < text_.size() && is_part(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Mask either() {
    Mask mask = both();
    while (take('|')) mask = mask | both();
    return mask;
  }
  Mask both() {
    Mask mask = term();
    while (take('&')) mask = mask & term();
    return mask;
  }

  Mask term() {
    if (take('(')) {
      if (++depth_ > 64) refuse("too many parentheses");
      const Mask mask = either();
      if (!take(')')) refuse("a ) is missing");
      --depth_;
      return mask;
    }
    const std::string_view name = word();
    if (name.empty()) refuse("a term is missing");
    std::vector<std::string> arguments;
    if (take('(')) {
      do {
        arguments.emplace_back(word());
        if (arguments.back().empty()) refuse(fmt::format("{} lacks a number", name));
      } while (take(','));
      if (!take(')')) refuse("a ) is missing");
    }
    for (const Term& each : kTerms) {
      if (each.text.name == name) return made(each, arguments);
    }
    throw ConfigError(fmt::format("mask: \"{}\" is none of {}{}", name, fmt::join(names(), ", "),
                                  did_you_mean(std::string(name), names())));
  }

  Mask made(const Term& term, const std::vector<std::string>& arguments) const {
    if (arguments.size() < term.fewest || arguments.size() > term.most) {
      throw ConfigError(fmt::format("mask: {} takes {}({}), not {}", term.text.name, term.text.name,
                                    term.text.arguments, counted(arguments.size(), "number")));
    }
    return sizes_ == nullptr ? Mask::everything() : term.make({term.text.name, arguments, *sizes_, memory_});
  }

  std::string_view text_;
  const MaskSizes* sizes_;
  std::deque<std::vector<std::int32_t>>& memory_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

MaskText::MaskText(std::string text) : text_(std::move(text)) {
  if (!text_.empty()) Parser(text_, nullptr, numbers_).whole();
}

Mask MaskText::mask(const MaskSizes& sizes) {
  return text_.empty() ? Mask::everything() : Parser(text_, &sizes, numbers_).whole();
}

std::vector<MaskTermText> mask_terms() {
  std::vector<MaskTermText> all;
  for (const Term& term : kTerms) all.push_back(term.text);
  return all;
}

Mask mask_of_positions(const std::string& text) {
  for (const std::string_view word : {"lengths", "documents", "end"}) {
    if (text.find(word) == std::string::npos) continue;
    throw ConfigError(
        fmt::format("attention-mask: {} goes by what is read, and a model's mask by positions alone: causal, window, "
                    "prefix, dilated "
                    "and blocks",
                    word));
  }
  try {
    const Mask mask = MaskText(text).mask({});
    (void)(mask & Mask(Causal{}) & Mask(Lengths{}) & Mask(Causal{}));  // a family's, and one behind a cache
    return mask;
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("attention-{}", error.what()));
  }
}

}  // namespace tapehead
