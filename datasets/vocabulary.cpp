#include "datasets/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "autograd/base/errors.hpp"

namespace tapehead {

Vocabulary::Vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
  std::int32_t next = kFirstFreeId;
  for (const std::string& word : words_) {
    if (!ids_.emplace(word, next++).second) throw DataError(fmt::format("vocabulary: \"{}\" stands there twice", word));
  }
}

Vocabulary Vocabulary::of_lines(std::span<const std::vector<std::string>> lines, std::int64_t min_count,
                                std::int64_t max_words) {
  std::map<std::string, std::int64_t> counts;  // in byte order, which a stable sort keeps among equals
  for (const auto& line : lines) {
    for (const std::string& word : line) ++counts[word];
  }
  std::vector<std::pair<std::string, std::int64_t>> order;
  for (const auto& entry : counts) {
    if (entry.second >= min_count) order.emplace_back(entry);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (max_words > 0 && std::ssize(order) > max_words) order.resize(static_cast<std::size_t>(max_words));
  std::vector<std::string> words;
  words.reserve(order.size());
  for (auto& entry : order) words.push_back(std::move(entry.first));
  return Vocabulary(std::move(words));
}

std::int32_t Vocabulary::id(std::string_view word) const {
  const auto at = ids_.find(std::string(word));
  return at == ids_.end() ? static_cast<std::int32_t>(kUnknown) : at->second;
}

const std::string& Vocabulary::word(std::int32_t id) const {
  static const std::array<std::string, kFirstFreeId> kReserved{"<pad>", "<s>", "</s>", "<unk>"};
  if (id < 0 || id >= size()) throw DataError(fmt::format("vocabulary: there is no id {} among {}", id, size()));
  return id < kFirstFreeId ? kReserved[static_cast<std::size_t>(id)]
                           : words_[static_cast<std::size_t>(id - kFirstFreeId)];
}

std::vector<std::int32_t> Vocabulary::ids(std::span<const std::string> words) const {
  std::vector<std::int32_t> found;
  for (const std::string& word : words) found.push_back(id(word));
  return found;
}

std::vector<std::string> Vocabulary::words_of(std::span<const std::int32_t> ids) const {
  std::vector<std::string> found;
  for (const std::int32_t id : ids) found.push_back(word(id));
  return found;
}

}  // namespace tapehead
