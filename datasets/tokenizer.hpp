#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/base/text.hpp"

namespace tapehead {

/// Splits a line into words: at white space and control characters, and around each punctuation mark, except an
/// apostrophe or hyphen inside a word and `. , :` between digits: `I'm OK at 2:30.` → `I'm` `OK` `at` `2:30` `.`. Case is
/// kept. REQUIRES: is_utf8(line).
std::vector<std::string> tokenize(std::string_view line);

/// Joins words into a line as it is written: no space before `. , ! ?` and closing marks, none after opening ones; of the
/// quotes `"…"` and `„…“` the first opens and the next closes. REQUIRES: is_utf8 of every word.
std::string detokenize(std::span<const std::string> words);

}  // namespace tapehead
