#include "datasets/vocabularies/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "autograd/base/errors.hpp"

namespace tapehead {

Vocabulary::Vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
  std::int32_t next = kFirstFreeId;
  for (const std::string& word : words_) {
    if (!ids_.emplace(word, next++).second) throw DataError(fmt::format("vocabulary: \"{}\" stands there twice", word));
  }
}

Vocabulary Vocabulary::most_frequent(std::vector<WordCount> counts, std::int64_t min_count, std::int64_t max_words) {
  std::erase_if(counts, [&](const WordCount& entry) { return entry.count < std::max<std::int64_t>(min_count, 1); });
  std::ranges::sort(counts, [](const WordCount& a, const WordCount& b) {
    return a.count != b.count ? a.count > b.count : a.word < b.word;
  });
  if (max_words > 0 && std::ssize(counts) > max_words) counts.resize(static_cast<std::size_t>(max_words));
  std::vector<std::string> words;
  words.reserve(counts.size());
  for (const WordCount& entry : counts) words.emplace_back(entry.word);
  return Vocabulary(std::move(words));
}

std::int32_t Vocabulary::id(std::string_view word) const {
  const auto at = ids_.find(word);
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
