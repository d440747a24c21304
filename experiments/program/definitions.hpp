#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tapehead {

/// A name and what it is.
struct Definition {
  std::string name, text;
};

/// Names and texts, a definition a line or more. All texts begin in one column; a name that is too long for it has a
/// line of its own, and so have all where lines of `width` characters are short.
std::string definitions(const std::vector<Definition>& entries, std::size_t width);

}  // namespace tapehead
