#pragma once

#include <string>
#include <vector>

#include "experiments/program/command.hpp"

namespace tapehead {

/// The command of that name. Throws ConfigError that suggests the nearest.
const Command& find_command(const std::string& name);

/// Reads what follows the command's name. Throws ConfigError for an option that is unknown (with the nearest name that
/// there is), shortened, given twice, of another command or without its value, and for a subject too many. Required
/// options are not missed when --help (or -h) is given, which may be followed by the word `all`.
Invocation parse_arguments(const Command& command, const std::vector<std::string>& arguments);

}  // namespace tapehead
