#pragma once

#include <string>
#include <vector>

namespace tapehead {

/// What is wrong with the looks of some output, a line each; empty if nothing is. `results` is what stands on standard
/// output, where doubled spaces belong to tables alone, which must have a gap in common; elsewhere they are wrong.
std::vector<std::string> lint(const std::string& output, std::size_t width, bool results);

/// The same for a line on standard error that refuses something: one sentence, however long.
std::vector<std::string> lint_refusal(const std::string& line);

/// Words of `wide` that `narrow`, the same output in shorter lines, has lost without a word or an `…` about it.
std::vector<std::string> lost_words(const std::string& wide, const std::string& narrow);

/// Without ANSI escapes.
std::string without_escapes(const std::string& text);

}  // namespace tapehead
