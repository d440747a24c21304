#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "datasets/readers/columns.hpp"

namespace tapehead {

/// Why a line is not a pair.
enum class LineFault { no_tab, no_source, no_target, too_many_columns };
inline constexpr std::size_t kLineFaults = 4;

/// Lines of a kind, and where the first of them is: "file:line".
struct LineCount {
  std::int64_t lines = 0;
  std::string first = {};
};

/// What was found in a file of pairs, or in two parallel files.
struct PairFileReport {
  std::string name = {};  ///< as it was given; empty: there is no such file
  std::string path = {};  ///< of the file whose lines are named; of two the first
  std::int64_t pairs = 0;
  std::array<LineCount, kLineFaults> faults = {};  ///< lines that were skipped, by LineFault
  std::int64_t blank_lines = 0;                    ///< passed over; those at the end of the file not counted
  LineCount third_column = {};                     ///< pairs that have one, which was not read
  /// What the first line has in columns that were chosen by number, where it seems to be titles, "english,german":
  /// another column holds words there, and numbers in all lines below. It is a pair all the same.
  std::string titles = {};
  bool also_two_files = false;  ///< see PairName

  std::int64_t bad_lines() const;
  /// "2 without a tab (t.tsv:2), 1 without a source (t.tsv:9)"; the places are those of the first ones.
  std::string faults_text() const;
};

/// `line` is counted from 1.
using TakePair = std::function<void(std::string_view source, std::string_view target, std::int64_t line)>;

/// Gives each pair of lines to `take`: see TextOptions for what `name` may be, and autograd/base/lines.hpp for how
/// lines end. Where no columns are chosen, a third column is passed over (many files have remarks there) unless it
/// seems to be needed: DataError for one that is not numbers beside one of the first two that holds nothing else. A
/// line of more columns is then no pair.
///
/// Throws DataError as TextDataset does, and where more lines are no pairs than are: that is another kind of file.
PairFileReport read_pairs(const std::string& name, const Columns& columns, const TakePair& take);

}  // namespace tapehead
