#include "experiments/report/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

#include "autograd/base/text.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShortestWord = 5;    // words are not cut shorter
constexpr std::size_t kNarrowestText = 16;  // a last column of words is not wrapped narrower

bool looks_like_number(const std::string& cell) {
  if (cell == "∞" || cell == "-∞") return true;
  double number = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(cell.data() + cell.size() - end));
  return error == std::errc() && (unit.empty() || unit == "%" || unit.starts_with(" ±"));
}

bool is_blank(const std::string& cell) { return cell.empty() || cell == "-" || cell == "–" || cell == "…"; }

std::size_t longest_word(const std::string& cell) {
  std::size_t longest = 0;
  std::istringstream words(cell);
  for (std::string word; words >> word;) longest = std::max(longest, text_width(word));
  return longest;
}

// "plateau-patience" → "plateau-", "patience", so that the heading is no wider than what stands below it.
std::string folded(const std::string& title, std::size_t width) {
  std::string breakable;
  for (const char c : title) {
    breakable += c;
    if (c == '-') breakable += '\x01';  // a place to break that shows nothing
  }
  std::vector<std::string> lines{""};
  std::string piece;
  const auto flush = [&](const std::string& glue) {
    std::string& line = lines.back();
    const std::string joined = line.empty() ? piece : line + glue + piece;
    if (line.empty() || text_width(joined) <= width) {
      line = joined;
    } else {
      lines.push_back(piece);
    }
    piece.clear();
  };
  std::string glue;
  for (const char c : breakable) {
    if (c != ' ' && c != '\x01') {
      piece += c;
      continue;
    }
    flush(glue);
    glue = c == ' ' ? " " : "";
  }
  flush(glue);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::vector<std::string> lines_of(const std::string& cell) {
  std::vector<std::string> lines;
  std::istringstream in(cell);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) lines.emplace_back();
  return lines;
}

std::size_t widest_line(const std::string& cell) {
  std::size_t widest = 0;
  for (const std::string& line : lines_of(cell)) widest = std::max(widest, text_width(line));
  return widest;
}

struct Column {
  std::string name;   // of the whole heading
  std::string title;  // as it is shown, perhaps in several lines
  std::vector<std::string> cells;
  bool numbers = true;

  std::size_t body_width() const {
    std::size_t width = 0;
    for (const std::string& cell : cells) width = std::max(width, widest_line(cell));
    return width;
  }
  std::size_t width() const { return std::max(widest_line(title), body_width()); }
};

std::size_t total_width(const std::vector<Column>& columns) {
  std::size_t width = columns.empty() ? 0 : kGap * (columns.size() - 1);
  for (const Column& column : columns) width += column.width();
  return width;
}

void fold_titles(std::vector<Column>& columns) {
  for (Column& column : columns) column.title = folded(column.title, std::max<std::size_t>(column.body_width(), 5));
}

std::vector<std::string> leave_out(std::vector<Column>& columns, const std::vector<std::string>& expendable,
                                   std::size_t width) {
  std::vector<std::string> gone;
  for (const std::string& title : expendable) {
    if (total_width(columns) <= width) break;
    const auto found = std::ranges::find(columns, title, &Column::name);
    if (found == columns.end()) continue;
    columns.erase(found);
    gone.push_back(title);
  }
  return gone;
}

void wrap_last(std::vector<Column>& columns, std::size_t width) {
  Column& last = columns.back();
  const std::size_t others = total_width(columns) - last.width();
  if (last.numbers || total_width(columns) <= width || others + kNarrowestText > width) return;
  for (std::string& cell : last.cells) cell = wrapped(cell, width - others);
}

void cut_words(std::vector<Column>& columns, std::size_t width) {
  while (total_width(columns) > width) {
    Column* widest = nullptr;
    for (Column& column : columns) {
      const bool words =
          !column.numbers && column.body_width() > kShortestWord && column.body_width() >= widest_line(column.title);
      if (words && (widest == nullptr || column.body_width() > widest->body_width())) widest = &column;
    }
    if (widest == nullptr) return;
    const std::size_t over = total_width(columns) - width;
    const std::size_t now = widest->body_width();
    const std::size_t least = std::max(kShortestWord, widest_line(widest->title));
    if (now <= least) return;
    for (std::string& cell : widest->cells) cell = shortened(cell, std::max(least, now - std::min(over, now)));
  }
}

// A row whose cells may have several lines; headings stand at the bottom, other cells at the top.
std::string lines_of_row(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                         const std::vector<std::vector<std::string>>& cells, bool heading) {
  std::size_t height = 0;
  for (const auto& cell : cells) height = std::max(height, cell.size());
  std::string text;
  for (std::size_t i = 0; i < height; ++i) {
    std::string line;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::size_t first = heading ? height - cells[c].size() : 0;
      const std::string piece = i >= first && i - first < cells[c].size() ? cells[c][i - first] : "";
      if (c > 0) line += std::string(kGap, ' ');
      line += columns[c].numbers ? padded_left(piece, widths[c]) : padded_right(piece, widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

bool has_room_for_last(const std::vector<Column>& columns, std::size_t width) {
  std::size_t longest = 0;
  for (const std::string& cell : columns.back().cells) longest = std::max(longest, longest_word(cell));
  return total_width(columns) - columns.back().width() + std::max(longest, kNarrowestText) <= width;
}

// Rows without a heading whose last cell, words, has no room beside the others: it stands below them.
std::string below_rows(std::vector<Column> columns, std::size_t width) {
  const std::vector<std::string> last = std::move(columns.back().cells);
  columns.pop_back();
  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(column.width());
  std::string text;
  for (std::size_t r = 0; r < last.size(); ++r) {
    std::vector<std::vector<std::string>> cells;
    for (const Column& column : columns) cells.push_back(lines_of(column.cells[r]));
    text += lines_of_row(columns, widths, cells, false);
    if (!last[r].empty()) text += wrapped("    " + last[r], width, 4) + "\n";
  }
  return text;
}

// Labels and what belongs to them, where the texts have no room beside the labels: below, each begun with two spaces.
std::string below_labels(const std::vector<Column>& columns, std::size_t width) {
  std::string text;
  const std::size_t margin = columns.front().width();
  for (std::size_t r = 0; r < columns.front().cells.size(); ++r) {
    const std::string& label = columns.front().cells[r];
    const std::string line = padded_right(label, margin) + "  " + columns.back().cells[r];
    text += text_width(line) <= width ? line : label + "\n  " + wrapped(columns.back().cells[r], width - 2, 2);
    text += "\n";
  }
  return text;
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

std::string Table::text(std::size_t width) const {
  std::vector<Column> columns(titles_.size());
  for (std::size_t c = 0; c < titles_.size(); ++c) columns[c].name = columns[c].title = titles_[c];
  for (const auto& row : rows_) {
    columns.resize(std::max(columns.size(), row.size()));
  }
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::string cell = c < row.size() ? printable(row[c]) : "";
      if (!is_blank(cell) && !looks_like_number(cell)) columns[c].numbers = false;
      columns[c].cells.push_back(cell);
    }
  }
  if (columns.empty()) return {};

  std::vector<std::string> gone;
  if (total_width(columns) > width) {
    if (titles_.empty() && columns.size() == 2) {
      if (!has_room_for_last(columns, width)) return below_labels(columns, width);
    }
    if (titles_.empty() && columns.size() > 2 && !columns.back().numbers && !has_room_for_last(columns, width)) {
      return below_rows(std::move(columns), width);
    }
    if (!titles_.empty()) fold_titles(columns);
    gone = leave_out(columns, expendable_, width);
    wrap_last(columns, width);
    cut_words(columns, width);
  }

  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(column.width());
  std::string lines;
  std::vector<std::vector<std::string>> cells;
  if (!titles_.empty()) {
    for (const Column& column : columns) cells.push_back(lines_of(column.title));
    lines += lines_of_row(columns, widths, cells, true);
  }
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    cells.clear();
    for (const Column& column : columns) cells.push_back(lines_of(column.cells[r]));
    lines += lines_of_row(columns, widths, cells, false);
  }
  if (!gone.empty()) {
    lines += wrapped(fmt::format("(left out to fit {} columns: {})", width, fmt::join(gone, ", ")), width) + "\n";
  }
  return lines;
}

std::string Table::csv() const {
  std::string lines = titles_.empty() ? "" : csv_line(titles_);
  for (const auto& row : rows_) lines += csv_line(row);
  return lines;
}

}  // namespace tapehead
