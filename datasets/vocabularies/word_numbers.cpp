#include "datasets/vocabularies/word_numbers.hpp"

#include <utility>

#include <fmt/format.h>

#include <limits>

#include "autograd/base/errors.hpp"
#include "datasets/digest.hpp"

namespace tapehead {
namespace {

constexpr std::int32_t kEmpty = -1;
constexpr std::size_t kFirstSlots = 1024;

}  // namespace

WordNumbers::WordNumbers() : slots_(kFirstSlots, kEmpty) {}

std::string_view WordNumbers::word(std::int32_t number) const {
  const auto i = static_cast<std::size_t>(number);
  const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

std::size_t WordNumbers::slot_of(std::string_view wanted, std::uint64_t hash) const {
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != kEmpty && word(slots_[slot]) != wanted) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

// At most half of the slots are taken, so that a search is short.
void WordNumbers::grow() {
  slots_.assign(2 * slots_.size(), kEmpty);
  for (std::int32_t n = 0; n < size(); ++n) slots_[slot_of(word(n), digest_bytes(word(n)))] = n;
}

std::int32_t WordNumbers::number(std::string_view word) {
  const std::uint64_t hash = digest_bytes(word);
  std::size_t slot = slot_of(word, hash);
  if (slots_[slot] != kEmpty) return slots_[slot];
  if (size() == std::numeric_limits<std::int32_t>::max()) {
    throw DataError(fmt::format("there are more than {} different words; take less data", size()));
  }
  if (2 * ends_.size() >= slots_.size()) {
    grow();
    slot = slot_of(word, hash);
  }
  text_ += word;
  ends_.push_back(text_.size());
  return slots_[slot] = size() - 1;
}

Vocabulary most_frequent(const WordNumbers& words, std::span<const std::int64_t> counts, std::int64_t min_count,
                         std::int64_t max_words) {
  std::vector<WordCount> seen;
  for (std::int32_t n = 0; n < words.size(); ++n) {
    seen.push_back({words.word(n), counts[static_cast<std::size_t>(n)]});
  }
  return Vocabulary::most_frequent(std::move(seen), min_count, max_words);
}

}  // namespace tapehead
