#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tapehead {

/// Columns that UTF-8 text takes on a terminal: two for a wide character (Unicode Standard Annex 11), none for a mark
/// that stands on the character before it.
std::size_t text_width(std::string_view utf8);

/// The characters of a text, each with the marks that stand on it.
std::vector<std::string_view> characters(std::string_view utf8);

/// At most `width` columns; what was cut ends in `…`.
std::string shortened(std::string_view utf8, std::size_t width);

/// Text of unknown origin as part of one line: as printable() shows it, and what is over `width` characters is left out
/// in the middle.
std::string one_line(std::string_view text, std::size_t width = 1000);

/// Text broken at spaces into lines of at most `width` characters, each after the first begun with `indent` spaces. A
/// word that is longer is not broken: a path or a command must stay whole. No line ends in a space, nor the last in a
/// break.
std::string wrapped(std::string_view utf8, std::size_t width, std::size_t indent = 0);

/// Filled with spaces up to `width` characters.
std::string padded_right(std::string_view utf8, std::size_t width);
std::string padded_left(std::string_view utf8, std::size_t width);

}  // namespace tapehead
