#pragma once

#include <string>
#include <string_view>

namespace tapehead {

/// A number with what it counts: "1 case", "2 cases". `plural` is for words that do not just take an s: "2 matches".
template <class Integer>
std::string counted(Integer count, std::string_view singular, std::string_view plural = {}) {
  std::string text = std::to_string(count) + " ";
  if (count == 1) return text.append(singular);
  return plural.empty() ? text.append(singular) + "s" : text.append(plural);
}

}  // namespace tapehead
