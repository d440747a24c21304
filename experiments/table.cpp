#include "experiments/table.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "autograd/base/text.hpp"
#include "experiments/text_width.hpp"

namespace tapehead {
namespace {

bool looks_like_number(const std::string& cell) {
  double number = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(cell.data() + cell.size() - end));
  return error == std::errc() && (unit.empty() || unit == "%" || unit.starts_with(" ±"));
}

struct Column {
  std::size_t width = 0;
  bool numbers = true;
};

void measure(std::vector<Column>& columns, const std::vector<std::string>& row, bool heading) {
  columns.resize(std::max(columns.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i) {
    columns[i].width = std::max(columns[i].width, text_width(row[i]));
    const bool blank = row[i].empty() || row[i] == "-" || row[i] == "–";
    if (!heading && !blank && !looks_like_number(row[i])) columns[i].numbers = false;
  }
}

std::string line_of(const std::vector<Column>& columns, const std::vector<std::string>& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += "  ";
    line += columns[i].numbers ? padded_left(row[i], columns[i].width) : padded_right(row[i], columns[i].width);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string csv_line(const std::vector<std::string>& row) {
  std::string line;
  for (const std::string& cell : row) {
    if (&cell != row.data()) line += ',';
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      line += cell;
      continue;
    }
    line += '"';
    for (const char c : cell) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace

std::string Table::text() const {
  std::vector<std::vector<std::string>> shown = rows_;
  for (auto& row : shown) {
    for (std::string& cell : row) cell = printable(cell);
  }
  std::vector<Column> columns;
  measure(columns, titles_, true);
  for (const auto& row : shown) measure(columns, row, false);
  std::string lines = titles_.empty() ? "" : line_of(columns, titles_);
  for (const auto& row : shown) lines += line_of(columns, row);
  return lines;
}

std::string Table::csv() const {
  std::string lines = titles_.empty() ? "" : csv_line(titles_);
  for (const auto& row : rows_) lines += csv_line(row);
  return lines;
}

}  // namespace tapehead
