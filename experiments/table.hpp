#pragma once

#include <string>
#include <vector>

namespace tapehead {

/// Rows of text in aligned columns: what looks like a number stands to the right, words to the left.
class Table {
 public:
  /// Without a heading if `titles` is empty.
  explicit Table(std::vector<std::string> titles = {}) : titles_(std::move(titles)) {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }

  /// Lines that end in a line break, columns two spaces apart, no space at the end of a line.
  std::string text() const;
  /// The same cells as CSV; a field that needs quotes has them.
  std::string csv() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tapehead
