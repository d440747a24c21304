#pragma once

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

/// Everything the program knows about an option. Parsing, help texts, config.cfg and refusals are made from this alone.
struct OptionSpec {
  std::string_view name;
  OptionKind kind = OptionKind::text;
  OptionGroup group = OptionGroup::command;
  std::string_view fallback = {};  ///< the default, as people would write it
  std::string_view help = {};      ///< one line
  NumberRange range = {};
  std::string_view choices = {};  ///< words separated by one space
  bool may_change_on_resume = false;
  bool repeatable = false;
  bool zero_is_automatic = false;     ///< 0 stands for a number that follows from other options or the data
  std::string_view placeholder = {};  ///< what stands for the value in help; empty: by kind
};

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
