#include "autograd/base/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tapehead {

int edit_distance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<int> cost((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return cost[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = static_cast<int>(i);
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int change = a[i - 1] == b[j - 1] ? 0 : 1;
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

// Letters of a part that tell a name.
constexpr std::size_t kEnoughToRemember = 4;

std::string nearest_name(std::string_view typed, std::span<const std::string_view> names) {
  if (typed.empty()) return {};
  std::string wrong(typed);  // no name has capitals, and whoever types them means the letters
  if (std::ranges::find(names, typed) == names.end()) {
    for (char& c : wrong) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const std::string_view name : names) {
    if (name.starts_with(wrong)) return std::string(name);
  }
  const std::string_view* best = nullptr;
  int best_distance = static_cast<int>(std::max<std::size_t>(2, wrong.size() / 2)) + 1;
  for (const std::string_view& name : names) {
    const int distance = edit_distance(wrong, name);
    // Of names that are equally near, one that begins alike: few people miss the first letter.
    const bool begins_alike = best != nullptr && name.front() == wrong.front() && best->front() != wrong.front();
    if (distance < best_distance || (distance == best_distance && begins_alike)) {
      best = &name;
      best_distance = distance;
    }
  }
  if (best != nullptr) return std::string(*best);
  for (const std::string_view name : names) {
    if (wrong.size() >= kEnoughToRemember && name.find(wrong) != std::string_view::npos) return std::string(name);
  }
  return {};
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> names, std::string_view prefix) {
  const std::string nearest = nearest_name(wrong, names);
  return nearest.empty() ? std::string() : fmt::format("; did you mean {}{}?", prefix, nearest);
}

}  // namespace tapehead
