#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tapehead {

/// Which columns of a tab-separated file are source and target.
struct Columns {
  std::int64_t source = 1;  ///< from 1
  std::int64_t target = 2;
  bool chosen = false;  ///< false: nobody has said, and the file may have other columns
  std::string source_name = {},
              target_name = {};  ///< by the file's first line, if not empty; that line is then no pair
};

/// `2,4`, or names that stand in the first line of the file: `english,bulgarian`; empty: not chosen. Throws ConfigError
/// for anything else, without saying of which option.
Columns parse_columns(const std::string& text);

/// What stands between the tabs of a line in a column (from 1); empty if there are fewer.
std::string_view field(std::string_view line, std::int64_t column);
/// How many columns a line has; empty ones at its end do not count.
std::int64_t count_columns(std::string_view line);
/// The column that a line of titles gives that name, from 1; 0 if none.
std::int64_t find_column(std::string_view titles, const std::string& name);

}  // namespace tapehead
