#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/vocabularies/vocabulary.hpp"

namespace tapehead {

/// Distinct words, numbered from 0 as they first come: what files are read into before it is known which words a
/// vocabulary takes. A word costs its bytes and about 16 more.
class WordNumbers {
 public:
  WordNumbers();

  /// The word's number; a new one if it was never seen.
  std::int32_t number(std::string_view word);
  /// Valid until the next word is added. REQUIRES: 0 <= number < size().
  std::string_view word(std::int32_t number) const;
  std::int32_t size() const { return static_cast<std::int32_t>(ends_.size()); }

 private:
  std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
  void grow();

  std::string text_;                 // all words, one behind the other
  std::vector<std::uint64_t> ends_;  // of each in it
  std::vector<std::int32_t> slots_;  // open addressing with linear probing; the size is a power of two
};

/// The words that are counted often enough, `counts` by their numbers: see Vocabulary::most_frequent.
Vocabulary most_frequent(const WordNumbers& words, std::span<const std::int64_t> counts, std::int64_t min_count,
                         std::int64_t max_words);

}  // namespace tapehead
