#include "experiments/analysis/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/lines.hpp"

namespace tapehead {
namespace {

constexpr const char* kSpaces = " \t\r";

void skip_spaces(std::string_view& line) { line.remove_prefix(std::min(line.find_first_not_of(kSpaces), line.size())); }

// What separates the numbers of a file: a comma, a semicolon or blanks (' '); 0 while there was none. Where two kinds
// meet, somebody may have written decimal commas, and 1,5;2 would become three numbers.
class Separator {
 public:
  void note(char now, const std::string& place) {
    if (kind_ == '\0') kind_ = now;
    if (kind_ == now) return;
    const bool comma = kind_ == ',' || now == ',';
    throw DataError(fmt::format("{}: numbers are separated by {} and by {}; use one kind{}", place, name_of(kind_),
                                name_of(now), comma ? ", and if 1,5 is meant to be one number, write 1.5" : ""));
  }

 private:
  static const char* name_of(char kind) { return kind == ',' ? "commas" : kind == ';' ? "semicolons" : "blanks"; }

  char kind_ = '\0';
};

// Takes what stands between two numbers, blanks around it included; what kind it was, 0 at the end of the line.
char take_separator(std::string_view& line) {
  const std::size_t length = line.size();
  skip_spaces(line);
  if (line.empty()) return '\0';
  const char first = line.front();
  if (first != ',' && first != ';') return line.size() < length ? ' ' : '\0';
  line.remove_prefix(1);
  skip_spaces(line);
  return first;
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

std::vector<double> parse_row(std::string_view line, const std::string& place, Separator& separator) {
  std::vector<double> row;
  skip_spaces(line);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t\r,;"), line.size());
    row.push_back(parse_field(line.substr(0, end), place));
    line.remove_prefix(end);
    const char kind = take_separator(line);
    if (kind == '\0') continue;
    if (line.empty()) parse_field(line, place);
    separator.note(kind, place);
  }
  return row;
}

// The fields of a line that may be a heading; none if any begins like a number, or is empty.
std::vector<std::string> heading_of(std::string_view line) {
  std::vector<std::string> fields;
  skip_spaces(line);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t\r,;"), line.size());
    std::string_view field = line.substr(0, end);
    if (field.size() > 1 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    double number = 0;
    const bool whole =
        std::from_chars(field.data(), field.data() + field.size(), number).ptr == field.data() + field.size();
    if (whole || std::string_view("0123456789.+-").find(field.front()) != std::string_view::npos) return {};
    fields.emplace_back(field);
    line.remove_prefix(end);
    if (take_separator(line) != '\0' && line.empty()) return {};
  }
  return fields;
}

}  // namespace

Matrix parse_matrix(const std::string& text, const std::string& name) {
  Matrix matrix;
  Separator separator;
  TextSource source(text, name);
  LineReader reader(source, {.content = LineContent::raw, .longest = kLongestText});
  std::string heading;
  for (std::string_view line; reader.next(line);) {
    const std::string place = reader.place();
    if (matrix.rows == 0 && matrix.column_names.empty()) {
      matrix.column_names = heading_of(line.substr(0, line.find('#')));
      heading = place;
      if (!matrix.column_names.empty()) continue;
    }
    const std::vector<double> row = parse_row(line.substr(0, line.find('#')), place, separator);
    if (row.empty()) continue;
    if (matrix.rows > 0 && std::ssize(row) != matrix.columns) {
      throw DataError(
          fmt::format("{}: {}, but the lines before have {}", place, counted(row.size(), "number"), matrix.columns));
    }
    matrix.columns = std::ssize(row);
    ++matrix.rows;
    matrix.values.insert(matrix.values.end(), row.begin(), row.end());
  }
  if (!matrix.column_names.empty() && matrix.rows > 0 && std::ssize(matrix.column_names) != matrix.columns) {
    throw DataError(fmt::format("{}: a heading of {}, and {} below it", heading,
                                counted(matrix.column_names.size(), "name"), counted(matrix.columns, "number")));
  }
  if (matrix.rows == 0) throw DataError(fmt::format("{}: holds no numbers", name));
  return matrix;
}

bool is_matrix_text(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789.,;+-eE \t") == std::string_view::npos;
}

Matrix matrix_of_text(const std::string& text, const std::string& name) {
  std::string lines = text;
  bool any = false;  // number since the last semicolon
  for (char& c : lines) {
    if (c == ';') {
      if (!any) throw DataError(fmt::format("{}: there is no vector between two semicolons", name));
      c = '\n';
      any = false;
    } else {
      any = any || (c != ' ' && c != '\t');
    }
  }
  return parse_matrix(lines, name);
}

Matrix read_matrix(const std::string& path) { return parse_matrix(read_file(path), path); }

}  // namespace tapehead
