#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tapehead {

/// A pair of tokenised lines.
struct WordPair {
  std::vector<std::string> source, target;
  bool operator==(const WordPair&) const = default;
  auto operator<=>(const WordPair&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a null in it
};

struct PairFile {
  std::vector<WordPair> pairs;
  std::int64_t bad_lines = 0;
  std::vector<std::string> first_bad_lines;  ///< "file:line", kNamedLines at most
};

/// How many lines that are no pairs are named.
inline constexpr std::size_t kNamedLines = 3;

/// Reads pairs of lines: see TextOptions for what `name` may be. Lines as LineReader reads them; empty
/// ones are passed over. Throws DataError as TextDataset does,
/// and where more lines are no pairs than are: that is another kind of file.
PairFile read_pairs(const std::string& name);

}  // namespace tapehead
