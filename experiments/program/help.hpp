#pragma once

#include <string>

#include "experiments/program/command.hpp"

namespace tapehead {

/// What the program does and its commands, in lines of at most `width` characters.
std::string program_help(std::size_t width = 80);

/// The same, and every option that there is, each once; behind those of single commands, which commands take them.
std::string program_help_with_all_options(std::size_t width = 80);

/// What stands for the value of an option: "N", "FILE.svg".
std::string placeholder(const OptionSpec& option);

/// Usage, options and one example of a command: the common options, or all of them.
std::string command_help(const Command& command, bool all, std::size_t width = 80);

}  // namespace tapehead
