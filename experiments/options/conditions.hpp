#pragma once

#include <string>

#include "autograd/base/errors.hpp"
#include "experiments/options/settings.hpp"

namespace tapehead {

struct Command;

/// Whether the option does anything beside the others: see OptionSpec::applies_when.
bool applies(const Settings& settings, const OptionSpec& option);
bool holds(const Settings& settings, const Condition& condition);

/// Where a value came from, for people: "command line", "my.cfg:3", "preset copy", "default".
std::string origin_text(const Settings& settings, std::string_view name);

/// Why an option that does not apply does nothing, to be read after its name: "does nothing without --validate-every,
/// which is 0 (default)". REQUIRES: it does not apply.
std::string why_useless(const Settings& settings, const OptionSpec& option);

/// The option because of whose value this one does nothing, or cannot have the value that is named; empty where it can.
std::string_view obstacle(const Settings& settings, const OptionSpec& option, std::string_view value);

/// Refuses by name what somebody asked for and would do nothing: ConfigError. A 0 where 0 is the default asks for
/// nothing, and a choice that a stronger one has overruled is no mistake: `--optimizer sgd` over the beta2 of a
/// configuration file.
void refuse_useless_options(const Settings& settings);

/// The same, and sets back to the default what does nothing for such a reason, or in a preset or a saved run.
void settle_useless_options(Settings& settings);

/// Refuses the options of a single command that would do nothing.
void refuse_useless_options(const Command& command, const Settings& settings);

/// Throws ConfigError for a value that lacks what it needs (OptionSpec::needs).
void refuse_unmet_needs(const Settings& settings);

/// A value and where it came from: "warmup 100 (preset copy)".
std::string shown(const Settings& settings, std::string_view option);

/// The message of an error with where the values came from that it speaks of, unless all were typed just now.
std::string with_origins(const Settings& settings, const std::string& message);

/// Calls `check`, and gives a ConfigError of its such a message.
template <class F>
decltype(auto) saying_origins(const Settings& settings, F&& check) {
  try {
    return check();
  } catch (const ConfigError& error) {
    throw ConfigError(with_origins(settings, error.what()));
  }
}

}  // namespace tapehead
