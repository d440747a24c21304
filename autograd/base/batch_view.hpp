#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "autograd/base/tokens.hpp"

namespace tapehead {

/// What a batch may hold, by name.
enum class Column : std::uint8_t { source, input, expected, positions, features, labels };
inline constexpr int kColumns = 6;

/// "source", "features" …: the name of the enumerator.
std::string_view name_of(Column column);

/// Some columns.
class ColumnSet {
 public:
  constexpr ColumnSet() = default;
  constexpr ColumnSet(std::initializer_list<Column> columns) {
    for (const Column column : columns) add(column);
  }

  constexpr void add(Column column) { bits_ |= bit(column); }
  constexpr bool has(Column column) const { return (bits_ & bit(column)) != 0; }
  constexpr bool operator==(const ColumnSet&) const = default;

  /// "`source`, `input`", or "nothing".
  std::string text() const;

 private:
  static constexpr unsigned bit(Column column) { return 1U << static_cast<unsigned>(column); }
  unsigned bits_ = 0;
};

/// Throws ConfigError for the first column that is read and not there: "model tagger reads `features`, and task copy
/// has none; it has `source`, `input`, `expected`".
void require_columns(std::string_view reader, ColumnSet reads, std::string_view data, ColumnSet has);

/// Numbers (C, T, B): one column of `channels` numbers a position, contiguous, and the positions of an example one
/// after the other. Those at and past `lengths[b]` are 0.
struct FeatureView {
  const float* values = nullptr;
  const std::int32_t* lengths = nullptr;
  std::int64_t channels = 0;
  std::int64_t stride = 0;  ///< positions from one example to the next
  std::int64_t positions = 0;
  std::int64_t examples = 0;

  const float* column(std::int64_t t, std::int64_t b) const { return values + channels * (t + stride * b); }
  float operator()(std::int64_t c, std::int64_t t, std::int64_t b) const { return column(t, b)[c]; }

  /// Examples [first, last), cut to the longest of them.
  FeatureView slice(std::int64_t first, std::int64_t last) const {
    return {column(0, first), lengths + first, channels, stride, longest_of(lengths, first, last), last - first};
  }
};

/// One class a sequence, from 0.
struct LabelView {
  const std::int32_t* labels = nullptr;
  std::int64_t examples = 0;

  std::int32_t operator()(std::int64_t b) const { return labels[b]; }
  LabelView slice(std::int64_t first, std::int64_t last) const { return {labels + first, last - first}; }
};

/// Some examples of a batch as named columns: what a model reads. Each accessor throws ConfigError, naming the column
/// and the data, where the data have none of it. The memory belongs to the batch. Copies and slices allocate nothing.
class BatchView {
 public:
  struct Columns {
    TokenView source = {};      ///< (S, B) x </s>
    TokenView input = {};       ///< (T, B) <s> y
    TokenView expected = {};    ///< (T, B) y </s>; padding where nothing counts
    TokenView positions = {};   ///< (T, B) numbers of the input's positions
    FeatureView features = {};  ///< (C, T, B)
    LabelView labels = {};      ///< (B)
  };

  BatchView() = default;
  /// `data` is a name for messages, such as "task copy", and outlives the view. `counted` of the expected tokens count.
  BatchView(const Columns& columns, ColumnSet has, const char* data, std::int64_t examples, std::int64_t counted)
      : columns_(columns), has_(has), data_(data), examples_(examples), batch_examples_(examples), counted_(counted) {}

  const TokenView& source() const { return checked(columns_.source, Column::source); }
  const TokenView& input() const { return checked(columns_.input, Column::input); }
  const TokenView& expected() const { return checked(columns_.expected, Column::expected); }
  const TokenView& positions() const { return checked(columns_.positions, Column::positions); }
  const FeatureView& features() const { return checked(columns_.features, Column::features); }
  const LabelView& labels() const { return checked(columns_.labels, Column::labels); }

  bool has(Column column) const { return has_.has(column); }
  ColumnSet columns() const { return has_; }
  std::int64_t examples() const { return examples_; }
  /// Examples, and expected tokens that count, of the whole batch, in a slice too: a shard's loss is its part of a mean
  /// over these.
  std::int64_t batch_examples() const { return batch_examples_; }
  std::int64_t counted_tokens() const { return counted_; }

  /// Examples [first, last), each column cut to the longest of them.
  BatchView slice(std::int64_t first, std::int64_t last) const;
  /// The same examples, as a slice of a batch of so many examples and counted tokens.
  BatchView part_of(std::int64_t examples, std::int64_t counted) const;

 private:
  template <class View>
  const View& checked(const View& view, Column column) const {
    if (!has_.has(column)) refuse(column);
    return view;
  }
  [[noreturn]] void refuse(Column column) const;

  Columns columns_;
  ColumnSet has_;
  const char* data_ = "this batch";
  std::int64_t examples_ = 0, batch_examples_ = 0, counted_ = 0;
};

}  // namespace tapehead
