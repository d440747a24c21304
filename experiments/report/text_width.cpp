#include "experiments/report/text_width.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "autograd/base/text.hpp"

namespace tapehead {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

// The columns of the character that begins at `at`, which moves on behind it. Bytes that are no UTF-8 take one each.
std::size_t width_of_next(std::string_view utf8, std::size_t& at) {
  if (static_cast<unsigned char>(utf8[at]) < 0x80) {
    ++at;
    return 1;
  }
  UChar32 c = 0;
  auto place = static_cast<std::int32_t>(at);
  U8_NEXT(utf8.data(), place, static_cast<std::int32_t>(utf8.size()), c);
  at = static_cast<std::size_t>(place);
  if (c < 0) return 1;
  if ((U_MASK(u_charType(c)) & (U_GC_MN_MASK | U_GC_ME_MASK | U_GC_CF_MASK)) != 0) return 0;
  const int kind = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return kind == U_EA_WIDE || kind == U_EA_FULLWIDTH ? 2 : 1;
}

std::string spaces_up_to(std::string_view utf8, std::size_t width) {
  const std::size_t used = text_width(utf8);
  return std::string(width > used ? width - used : 0, ' ');
}

}  // namespace

std::size_t text_width(std::string_view utf8) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < utf8.size();) width += width_of_next(utf8, at);
  return width;
}

std::vector<std::string_view> characters(std::string_view utf8) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t first = at;
    const std::size_t width = width_of_next(utf8, at);
    if (width == 0 && !all.empty()) {
      all.back() = std::string_view(all.back().data(), all.back().size() + (at - first));
    } else {
      all.push_back(utf8.substr(first, at - first));
    }
  }
  return all;
}

std::string shortened(std::string_view utf8, std::size_t width) {
  if (text_width(utf8) <= width) return std::string(utf8);
  if (width == 0) return {};
  std::string text;
  std::size_t used = 0;
  for (const std::string_view character : characters(utf8)) {
    used += text_width(character);
    if (used > width - 1) break;
    text += character;
  }
  return text + "…";
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
