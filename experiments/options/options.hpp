#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "autograd/base/options.hpp"

namespace tapehead {

/// All options, in the order in which help and config.cfg show them: those of the config structs (RunConfig says which)
/// and those of commands.
std::span<const OptionSpec> option_table();

/// The option of that name (without dashes), or nullptr.
const OptionSpec* find_option(std::string_view name);

/// Where in the table the option of that name stands. Throws std::logic_error if there is none.
std::size_t option_index(std::string_view name);

/// Whether the option may stand in a configuration: everything but `command`.
bool is_run_option(const OptionSpec& option);

/// For OptionSpec::check of a file that is written: throws ConfigError for a name that does not end so, lest a slip
/// of the pen put it in the place of a file of another kind.
void require_ending(std::string_view path, std::string_view ending);

/// Whether config.cfg has it: options that make a run what it is.
bool is_written(const OptionSpec& option);

}  // namespace tapehead
