#pragma once

#include <string>
#include <vector>

#include "datasets/made.hpp"

namespace tapehead {

/// What is wrong with a made task, a line each; none if nothing is. A few hundred of its examples are compared with its
/// reference.
std::vector<std::string> task_faults(const TaskSpec& task, const MadeOptions& options);

}  // namespace tapehead
