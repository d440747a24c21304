#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tapehead {

/// Every #include under `root` that the folders' order forbids, as `file:line: what is wrong`.
///
///     autograd/base <- autograd <- layers <- trainers <- experiments
///     autograd/base <- datasets <- trainers, experiments
///
/// A quoted include must give its path from the root: a relative one would pass the check unseen.
std::vector<std::string> forbidden_includes(const std::filesystem::path& root);

/// Every line under `root` that opens files past autograd/base/file.hpp and output_file.hpp, as `file:line: what is
/// wrong`: by streams (<fstream>) or C's (fopen), which take errors for the end, wait for pipes and follow links.
std::vector<std::string> files_opened_past_the_module(const std::filesystem::path& root);

}  // namespace tapehead
