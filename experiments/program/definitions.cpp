#include "experiments/program/definitions.hpp"

#include <algorithm>

#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kWidestName = 28;
constexpr std::size_t kNarrowestText = 24;
constexpr std::size_t kAround = 4;  // two spaces before a name, two behind it

}  // namespace

std::string definitions(const std::vector<Definition>& entries, std::size_t width) {
  std::size_t margin = 0;
  for (const Definition& entry : entries) {
    margin = std::max(margin, std::min(text_width(entry.name), kWidestName) + kAround);
  }
  const bool under = margin + kNarrowestText > width;
  if (under) margin = 4;
  std::string lines;
  for (const auto& [name, text] : entries) {
    const bool beside = !under && text_width(name) + kAround <= margin;
    const std::string left = beside ? padded_right("  " + name, margin) : "  " + name + "\n" + std::string(margin, ' ');
    lines += wrapped(left + text, width, margin) + "\n";
  }
  return lines;
}

}  // namespace tapehead
