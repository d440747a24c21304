#include "experiments/matrix.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"

namespace tapehead {
namespace {

constexpr const char* kSpaces = " \t\r";

void skip_spaces(std::string_view& line) { line.remove_prefix(std::min(line.find_first_not_of(kSpaces), line.size())); }

bool take_separator(std::string_view& line) {
  if (line.empty() || (line.front() != ',' && line.front() != ';')) return false;
  line.remove_prefix(1);
  skip_spaces(line);
  return true;
}

double parse_field(std::string_view field, const std::string& place) {
  if (field.empty()) throw DataError(fmt::format("{}: a number is missing between two separators", place));
  std::string_view digits = field;
  if (digits.size() > 1 && digits.front() == '+') digits.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(number)) {
    throw DataError(fmt::format("{}: \"{}\" is not a finite number", place, field));
  }
  return number;
}

std::vector<double> parse_row(std::string_view line, const std::string& place) {
  std::vector<double> row;
  skip_spaces(line);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t\r,;"), line.size());
    row.push_back(parse_field(line.substr(0, end), place));
    line.remove_prefix(end);
    skip_spaces(line);
    if (take_separator(line) && line.empty()) parse_field(line, place);
  }
  return row;
}

}  // namespace

Matrix parse_matrix(const std::string& text, const std::string& name) {
  Matrix matrix;
  TextSource source(text, name);
  LineReader reader(source, {.content = LineContent::raw, .longest = kLongestText});
  for (std::string_view line; reader.next(line);) {
    const std::string place = reader.place();
    const std::vector<double> row = parse_row(line.substr(0, line.find('#')), place);
    if (row.empty()) continue;
    if (matrix.rows > 0 && std::ssize(row) != matrix.columns) {
      throw DataError(fmt::format("{}: {} numbers, but the lines before have {}", place, row.size(), matrix.columns));
    }
    matrix.columns = std::ssize(row);
    ++matrix.rows;
    matrix.values.insert(matrix.values.end(), row.begin(), row.end());
  }
  if (matrix.rows == 0) throw DataError(fmt::format("{}: holds no numbers", name));
  return matrix;
}

Matrix read_matrix(const std::string& path) { return parse_matrix(read_file(path), path); }

}  // namespace tapehead
