#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "experiments/options/settings.hpp"

namespace tapehead {

/// What is worth knowing of settings that are taken as they are, a line each, for people. REQUIRES: settle() was
/// called.
std::vector<std::string> settings_notices(const Settings& settled);

/// Writes each as a line.
void tell_of_settings(const Settings& settled, std::ostream& err);

}  // namespace tapehead
