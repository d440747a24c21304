#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tapehead {

enum class OptionKind {
  flag,     ///< on if it is given
  integer,  ///< a whole number within the range
  real,     ///< a finite number within the range
  word,     ///< one of the choices
  formula,  ///< one of the choices, or a positive number
  path,     ///< a file or a folder; text files may be two, joined by a comma
  text,     ///< anything
};

enum class OptionGroup {
  data,       ///< of every task
  made_data,  ///< of the made tasks
  text_data,  ///< of the task `text`
  model,
  training,
  execution,  ///< how a run is carried out, not what it computes: never written into config.cfg
  command,    ///< of single commands; never in a configuration
};

/// What a number may be. Both ends belong to it unless they are open.
struct NumberRange {
  double low = 0;
  double high = 0;
  bool open_low = false;
  bool open_high = false;
};

/// A test of the value of another option. An option that does not apply itself counts as off, and as none of any words.
struct Condition {
  enum class Test {
    on,       ///< it has a value, and that is neither 0 nor `none`
    off,      ///< the opposite
    one_of,   ///< its value is one of the words
    none_of,  ///< it is not
  };
  std::string_view option = {};  ///< empty: there is no condition
  Test test = Test::on;
  std::string_view words = {};  ///< separated by one space

  constexpr bool exists() const { return !option.empty(); }
};

/// Conditions as the table writes them.
constexpr Condition on(std::string_view option) { return {option, Condition::Test::on, {}}; }
constexpr Condition off(std::string_view option) { return {option, Condition::Test::off, {}}; }
constexpr Condition one_of(std::string_view option, std::string_view words) {
  return {option, Condition::Test::one_of, words};
}
constexpr Condition none_of(std::string_view option, std::string_view words) {
  return {option, Condition::Test::none_of, words};
}

/// What some values of an option cannot do without.
struct ValueNeed {
  std::string_view values = {};  ///< separated by one space
  Condition needs = {};
  std::string_view why = {};  ///< goes on from "…, because "; empty where it is plain
};

/// Everything the program knows about an option. Parsing, help texts, config.cfg and refusals are made from this alone.
struct OptionSpec {
  std::string_view name;
  OptionKind kind = OptionKind::text;
  OptionGroup group = OptionGroup::command;
  std::string_view fallback = {};  ///< the default, as people would write it
  std::string_view help = {};      ///< what it does, in which unit, and when to change it
  NumberRange range = {};
  std::string_view choices = {};  ///< words separated by one space
  bool may_change_on_resume = false;
  bool repeatable = false;
  bool zero_is_automatic = false;     ///< 0 stands for a number that follows from other options or the data
  std::string_view placeholder = {};  ///< what stands for the value in help; empty: by kind
  bool common = false;                ///< stands in the short help
  /// The option does something if one of these holds, or if there are none. What does nothing is refused.
  std::array<Condition, 2> applies_when = {};
  std::array<ValueNeed, 2> needs = {};
};

/// Whether `word` is one of `words`, which are separated by one space.
bool is_among(std::string_view words, std::string_view word);

/// All options, in the order in which help and config.cfg show them.
std::span<const OptionSpec> option_table();

/// The option of that name (without dashes), or nullptr.
const OptionSpec* find_option(std::string_view name);

/// Whether the option may stand in a configuration: everything but `command`.
bool is_run_option(const OptionSpec& option);

/// Checks a value and brings it into its canonical form ("1e-3" → "0.001"). Throws ConfigError with a message such as
/// `"abc" is not a whole number`, which names neither the option nor where the value came from.
std::string canonical_value(const OptionSpec& option, std::string_view text);

/// The choices of a word or formula, for people: "adam, adamw".
std::string choices_for_people(const OptionSpec& option);

}  // namespace tapehead
