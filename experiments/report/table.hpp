#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace tapehead {

/// Rows of text in aligned columns: what looks like a number stands to the right, words to the left.
class Table {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  /// Without a heading if `titles` is empty.
  explicit Table(std::vector<std::string> titles = {}) : titles_(std::move(titles)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  /// Names the columns that `text` may leave out where a line would be too long, the least valuable first.
  void may_leave_out(std::vector<std::string> titles) { expendable_ = std::move(titles); }

  /// Lines that end in a line break, columns two spaces apart, no space at the end of a line. Lines longer than `width`
  /// are avoided by what costs least: headings of several lines; columns left out, which a line below says; the last
  /// column, if it is words, in several lines, or below the others where there is no heading; words cut short, which
  /// end in `…`. What cannot be cut (a path, a number) may still reach beyond.
  std::string text(std::size_t width = kUnlimited) const;
  /// The same cells as CSV; a field that needs quotes has them.
  std::string csv() const;

 private:
  std::vector<std::string> titles_, expendable_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tapehead
