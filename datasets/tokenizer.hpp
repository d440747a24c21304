#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tapehead {

/// Whether the text is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// Splits a line into words: at white space, and around each punctuation mark, except an apostrophe or hyphen inside a
/// word: `I'm OK.` → `I'm` `OK` `.`. Case is kept. REQUIRES: is_utf8(line).
std::vector<std::string> tokenize(std::string_view line);

/// Joins words into a line as it is written: no space before `. , ! ?` and closing marks, none after opening ones.
std::string detokenize(std::span<const std::string> words);

}  // namespace tapehead
