#include "experiments/text_width.hpp"

#include <algorithm>

#include "autograd/base/text.hpp"

namespace tapehead {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::string spaces_up_to(std::string_view utf8, std::size_t width) {
  const std::size_t used = text_width(utf8);
  return std::string(width > used ? width - used : 0, ' ');
}

}  // namespace

std::size_t text_width(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, begins_character));
}

std::string shortened(std::string_view utf8, std::size_t width) {
  if (text_width(utf8) <= width) return std::string(utf8);
  if (width == 0) return {};
  std::size_t end = 0;
  for (std::size_t seen = 0; end < utf8.size(); ++end) {
    if (begins_character(utf8[end]) && seen++ == width - 1) break;
  }
  return std::string(utf8.substr(0, end)) + "…";
}

std::string one_line(std::string_view text, std::size_t width) {
  const std::string clean = printable(text);
  const std::size_t all = text_width(clean);
  if (all <= width) return clean;
  std::size_t tail = clean.size();
  for (std::size_t left = width / 3; left > 0; --left) {
    while (!begins_character(clean[--tail])) {
    }
  }
  return shortened(clean, width - width / 3) + clean.substr(tail);
}

std::string wrapped(std::string_view utf8, std::size_t width, std::size_t indent) {
  std::string text;
  std::size_t used = 0;
  bool begun = false;  // whether the line has a word
  const auto break_line = [&] {
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n' + std::string(indent, ' ');
    used = indent;
    begun = false;
  };
  while (!utf8.empty()) {
    if (utf8.front() == '\n') {
      utf8.remove_prefix(1);
      break_line();
      continue;
    }
    const std::size_t spaces = std::min(utf8.find_first_not_of(' '), utf8.size());
    const std::size_t end = std::min(utf8.find_first_of(" \n", spaces), utf8.size());
    const std::size_t wide = text_width(utf8.substr(spaces, end - spaces));
    if (begun && used + spaces + wide > width) break_line();
    // Spaces between two words are kept, at the beginning of a line they are not, but for the first.
    const std::size_t kept = begun || text.empty() ? spaces : 0;
    text += std::string(kept, ' ') + std::string(utf8.substr(spaces, end - spaces));
    used += kept + wide;
    begun = begun || wide > 0;
    utf8.remove_prefix(end);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string padded_right(std::string_view utf8, std::size_t width) {
  return std::string(utf8) + spaces_up_to(utf8, width);
}

std::string padded_left(std::string_view utf8, std::size_t width) {
  return spaces_up_to(utf8, width) + std::string(utf8);
}

}  // namespace tapehead
