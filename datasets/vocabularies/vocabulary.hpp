#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "autograd/base/tokens.hpp"

namespace tapehead {

/// How often a word occurs.
struct WordCount {
  std::string_view word;
  std::int64_t count = 0;
};

/// Words and their ids. Ids below kFirstFreeId are reserved and no word of the data ever gets one, not even a word
/// that is spelled like a reserved one.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// Words in the order of their ids, from kFirstFreeId on. Throws DataError on a word that stands there twice.
  explicit Vocabulary(std::vector<std::string> words);

  /// The words that occur at least `min_count` times (once at least), the most frequent first (equal ones in byte
  /// order), at most `max_words` of them (0: no limit).
  static Vocabulary most_frequent(std::vector<WordCount> counts, std::int64_t min_count, std::int64_t max_words);

  /// kUnknown if the word is not in the vocabulary.
  std::int32_t id(std::string_view word) const;
  /// `<pad> <s> </s> <unk>` for the reserved ids. Throws DataError for an id outside [0, size()).
  const std::string& word(std::int32_t id) const;

  std::vector<std::int32_t> ids(std::span<const std::string> words) const;
  std::vector<std::string> words_of(std::span<const std::int32_t> ids) const;

  /// The words without the reserved ones: what a checkpoint keeps.
  std::span<const std::string> words() const { return words_; }
  /// Reserved ids included.
  std::int64_t size() const { return std::ssize(words_) + kFirstFreeId; }

 private:
  std::vector<std::string> words_;
  // Found by a view too, without a copy.
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
};

/// The vocabularies of both sides.
struct Vocabularies {
  Vocabulary source, target;
};

}  // namespace tapehead
