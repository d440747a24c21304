#include "autograd/base/batch_view.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

[[noreturn]] void refuse_column(std::string_view reader, Column column, std::string_view data, ColumnSet has) {
  throw ConfigError(
      fmt::format("{} reads `{}`, and {} has none; it has {}", reader, name_of(column), data, has.text()));
}

}  // namespace

std::string_view name_of(Column column) {
  static constexpr std::string_view kNames[kColumns] = {"source",    "input",    "expected",
                                                        "positions", "features", "labels"};
  return kNames[static_cast<int>(column)];
}

std::string ColumnSet::text() const {
  std::string text;
  for (int i = 0; i < kColumns; ++i) {
    const auto column = static_cast<Column>(i);
    if (has(column)) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name_of(column));
  }
  return text.empty() ? "nothing" : text;
}

void require_columns(std::string_view reader, ColumnSet reads, std::string_view data, ColumnSet has) {
  for (int i = 0; i < kColumns; ++i) {
    const auto column = static_cast<Column>(i);
    if (reads.has(column) && !has.has(column)) refuse_column(reader, column, data, has);
  }
}

BatchView BatchView::slice(std::int64_t first, std::int64_t last) const {
  BatchView part = *this;
  const auto cut = [&](auto& view, Column column) {
    if (has(column)) view = view.slice(first, last);
  };
  cut(part.columns_.source, Column::source);
  cut(part.columns_.input, Column::input);
  cut(part.columns_.expected, Column::expected);
  cut(part.columns_.positions, Column::positions);
  cut(part.columns_.features, Column::features);
  cut(part.columns_.labels, Column::labels);
  part.examples_ = last - first;
  return part;
}

BatchView BatchView::part_of(std::int64_t examples, std::int64_t counted) const {
  BatchView part = *this;
  part.batch_examples_ = examples;
  part.counted_ = counted;
  return part;
}

void BatchView::refuse(Column column) const { refuse_column("this model", column, data_, has_); }

}  // namespace tapehead
