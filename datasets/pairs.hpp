#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tapehead {

/// A pair of tokenised lines.
struct WordPair {
  std::vector<std::string> source, target;
  bool operator==(const WordPair&) const = default;
  auto operator<=>(const WordPair&) const = default;
};

struct PairFile {
  std::vector<WordPair> pairs;
  std::int64_t bad_lines = 0;
  std::string first_bad_line;  ///< "file:line"
};

/// Reads pairs of lines: see TextOptions for what `name` may be. Takes CRLF line ends and a byte order mark as they
/// come; empty lines are passed over. Throws DataError as TextDataset does.
PairFile read_pairs(const std::string& name);

}  // namespace tapehead
