#pragma once

#include <string>
#include <vector>

#include "experiments/program/command.hpp"

namespace tapehead {

/// Runs the program on the words after its own name, and returns its exit status. An error is one line on console.err.
int run_program(const std::vector<std::string>& words, Console& console);

}  // namespace tapehead
