#include "autograd/base/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"

namespace tapehead {
namespace {

void check_range(const NumberRange& range, double number, std::string_view text) {
  if (range.open_low ? number <= range.low : number < range.low) {
    throw ConfigError(fmt::format("must be {} {}, not {}", range.open_low ? "more than" : "at least", range.low, text));
  }
  if (range.open_high ? number >= range.high : number > range.high) {
    throw ConfigError(
        fmt::format("must be {} {}, not {}", range.open_high ? "less than" : "at most", range.high, text));
  }
}

template <class Number>
Number parse_number(std::string_view text, const char* what, const NumberRange& range) {
  Number number{};
  const char* first = text.data();
  const char* last = first + text.size();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') ++first;
  const auto [end, error] = std::from_chars(first, last, number);
  if (error == std::errc::result_out_of_range && end == last) {  // larger than any, or smaller
    const bool tiny = text.find_first_of("eE") < text.find_last_of('-') && text.find_last_of('-') != text.npos;
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (!tiny) check_range(range, text.front() == '-' ? -kInfinity : kInfinity, text);
    throw ConfigError(fmt::format("{} is {}", text, tiny ? "too near to zero" : "out of range"));
  }
  if (error != std::errc() || end != last) throw ConfigError(fmt::format("\"{}\" is not {}", text, what));
  return number;
}

double parse_finite(std::string_view text, const NumberRange& range) {
  const auto number = parse_number<double>(text, "a number", range);
  if (!std::isfinite(number)) throw ConfigError(fmt::format("\"{}\" is not a finite number", text));
  return number == 0 ? 0.0 : number;  // no negative zero
}

// All of them, or where that would be a long line the nearest.
std::string choices_to_name(const OptionSpec& option, std::string_view wrong) {
  constexpr std::size_t kLongestList = 80;
  std::string all = choices_for_people(option);
  if (all.size() <= kLongestList) return all;
  std::vector<std::string_view> names;
  for (std::string_view rest = option.choices; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const std::string hint = did_you_mean(wrong, names);
  return fmt::format("its {} choices{} see --help all", names.size(), hint.empty() ? ";" : hint);
}

std::string canonical_formula(const OptionSpec& option, std::string_view text) {
  if (is_among(option.choices, text)) return std::string(text);
  const bool ranged = option.range.low < option.range.high;
  double number = -1;
  try {
    number = parse_finite(text, option.range);
  } catch (const ConfigError&) {
    throw ConfigError(fmt::format("\"{}\" is none of {}, and no {}number", text, choices_for_people(option),
                                  ranged ? "" : "positive "));
  }
  if (ranged) check_range(option.range, number, text);
  if (ranged || number > 0) return fmt::format("{}", number);
  throw ConfigError(fmt::format("\"{}\" is none of {}, and no positive number", text, choices_for_people(option)));
}

}  // namespace

bool is_among(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

bool Condition::holds_for(std::string_view value) const {
  switch (test) {
    case Test::on:
    case Test::off:
      return is_among(" 0 no none", value) == (test == Test::off);
    case Test::one_of:
      return is_among(words, value);
    case Test::none_of:
      return !is_among(words, value);
  }
  return false;
}

std::string choices_for_people(const OptionSpec& option) {
  std::string text;
  for (const char c : option.choices) text += c == ' ' ? std::string(", ") : std::string(1, c);
  return text;
}

std::string canonical_value(const OptionSpec& option, std::string_view text) {
  if (text.find_first_of("\r\n") != std::string_view::npos) throw ConfigError("a value may not hold a line break");
  switch (option.kind) {
    case OptionKind::integer: {
      const auto number = parse_number<std::int64_t>(text, "a whole number", option.range);
      check_range(option.range, static_cast<double>(number), text);
      return fmt::format("{}", number);
    }
    case OptionKind::real: {
      const double number = parse_finite(text, option.range);
      check_range(option.range, number, text);
      return fmt::format("{}", number);
    }
    case OptionKind::word:
      if (is_among(option.choices, text)) return std::string(text);
      throw ConfigError(fmt::format("\"{}\" is none of {}", text, choices_to_name(option, text)));
    case OptionKind::formula:
      return canonical_formula(option, text);
    case OptionKind::flag:
      if (text.empty() || text == "yes") return "yes";
      if (text == "no") return "no";
      throw ConfigError(fmt::format("\"{}\" is none of yes, no", text));
    case OptionKind::text:
    case OptionKind::path:
      if (option.check != nullptr) option.check(text);
      break;
    case OptionKind::pair_files:
      break;
  }
  return std::string(text);
}

void check_value(const OptionSpec& option, std::string_view text) {
  try {
    canonical_value(option, text);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", option.name, error.what()));
  }
}

bool NamedValues::has(std::string_view name) const { return values_.contains(name); }

void NamedValues::set(std::string_view name, std::string value) {
  values_.insert_or_assign(std::string(name), std::move(value));
}

const std::string& NamedValues::text(std::string_view name) const {
  if (const auto at = values_.find(name); at != values_.end()) return at->second;
  throw ConfigError(fmt::format("there is no option \"{}\" here", name));
}

void complete(NamedValues& values, const std::vector<OptionSpec>& options) {
  for (const OptionSpec& option : options) {
    if (!values.has(option.name)) values.set(option.name, option.fallback);
    check_value(option, values.text(option.name));
  }
}

std::string canonical_text(std::int64_t number) { return fmt::format("{}", number); }
std::string canonical_text(double number) { return fmt::format("{}", number); }

std::int64_t integer_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

double real_in(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace tapehead
