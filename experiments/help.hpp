#pragma once

#include <string>

#include "experiments/command.hpp"

namespace tapehead {

/// What the program does and its commands.
std::string program_help();

/// Usage, options and one example of a command.
std::string command_help(const Command& command);

}  // namespace tapehead
