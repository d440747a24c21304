#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tapehead {

/// A small table of numbers, row by row, as people write them; unlike the tape's values a row here is a vector.
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> values;
  std::vector<std::string> column_names = {};  ///< of a file with a heading; empty: there is none

  Matrix() = default;
  Matrix(std::int64_t r, std::int64_t c) : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {}

  double& operator()(std::int64_t r, std::int64_t c) { return values[static_cast<std::size_t>(r * columns + c)]; }
  double operator()(std::int64_t r, std::int64_t c) const { return values[static_cast<std::size_t>(r * columns + c)]; }
};

/// Reads one vector a line: numbers separated by commas, by semicolons or by spaces; `#` begins a comment. A first
/// line of which no field is a number is a heading. Throws DataError, naming file and line, for what is no finite
/// number, an empty field, lines of unequal length, a file without numbers, and one with separators of two kinds: its
/// commas may be decimal ones.
Matrix parse_matrix(const std::string& text, const std::string& name);
Matrix read_matrix(const std::string& path);
/// The same of numbers as a command line has them: "1,0,1; 0,1,0", a vector up to each semicolon.
Matrix matrix_of_text(const std::string& text, const std::string& name);
/// Whether it looks like such numbers, and not like the name of a file.
bool is_matrix_text(std::string_view text);

}  // namespace tapehead
