#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "autograd/base/batch_view.hpp"

namespace tapehead {

/// The tokens of some examples, to be changed while shapes stay as they are: at most `kMostPlaces` places each. And
/// their features, if a model reads any.
class OwnTokens {
 public:
  static constexpr std::int64_t kMostPlaces = 32;

  /// Of the columns that a model reads.
  OwnTokens(const BatchView& batch, ColumnSet reads) : batch_(batch) {
    for (const Column column : kTokens) {
      if (!batch.has(column) || !reads.has(column)) continue;
      has_.add(column);
      const TokenView view = of(batch, column);
      Ids& own = ids_[index(column)];
      own.places = std::min(view.positions, kMostPlaces);
      for (std::int64_t b = 0; b < view.examples; ++b) {
        own.lengths.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(view.lengths[b], own.places)));
        for (std::int64_t t = 0; t < own.places; ++t) {
          own.ids.push_back(view(t, b));
          own.largest = std::max(own.largest, own.ids.back());
        }
      }
    }
    if (!batch.has(Column::features) || !reads.has(Column::features)) return;
    has_.add(Column::features);
    const FeatureView& features = batch.features();
    const std::int64_t count = features.channels * features.positions;
    for (std::int64_t b = 0; b < features.examples; ++b) {
      numbers_.insert(numbers_.end(), features.column(0, b), features.column(0, b) + count);
    }
  }

  bool has(Column column) const { return has_.has(column); }
  std::vector<std::int64_t> lengths(Column column) const {
    const auto& own = ids_[index(column)].lengths;
    return {own.begin(), own.end()};
  }
  std::int32_t id(Column column, std::int64_t t, std::int64_t b) const {
    const Ids& own = ids_[index(column)];
    return own.ids[static_cast<std::size_t>(t + own.places * b)];
  }

  /// Whether no example of any column is shorter than the others.
  bool of_equal_lengths() const {
    return std::ranges::all_of(ids_, [](const Ids& own) {
      return own.lengths.empty() || std::ranges::min(own.lengths) == std::ranges::max(own.lengths);
    });
  }
  /// Cuts an example to half in every column.
  void halve(std::int64_t example) {
    for (const Column column : kTokens) {
      const Ids& own = ids_[index(column)];
      if (example < std::ssize(own.lengths))
        cut(column, example, (own.lengths[static_cast<std::size_t>(example)] + 1) / 2);
    }
  }
  /// Leaves at most `length` tokens of an example; padding stands in place of the others.
  void cut(Column column, std::int64_t example, std::int64_t length) {
    Ids& own = ids_[index(column)];
    if (own.lengths.empty()) return;
    auto& known = own.lengths[static_cast<std::size_t>(example)];
    known = std::min(known, static_cast<std::int32_t>(length));
    for (std::int64_t t = known; t < own.places; ++t) {
      own.ids[static_cast<std::size_t>(t + own.places * example)] = kPadding;
    }
  }
  /// Puts another token wherever `chosen(place, example)`. False: nowhere.
  template <class Chosen>
  bool exchange(Column column, Chosen chosen) {
    Ids& own = ids_[index(column)];
    bool any = false;
    for (std::size_t i = 0; i < own.ids.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (!chosen(at % own.places, at / own.places)) continue;
      any = true;
      std::int32_t& id = own.ids[i];
      if (id >= kFirstFreeId && id < own.largest) {
        ++id;
      } else {
        id = id == kFirstFreeId ? kUnknown : kFirstFreeId;
      }
    }
    return any;
  }

  /// Moves all features of the examples that are chosen.
  template <class Chosen>
  void move_features(Chosen chosen) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const FeatureView& shape = batch_.features();
      if (chosen(static_cast<std::int64_t>(i) / (shape.channels * shape.positions))) {
        numbers_[i] += 0.5F + 0.125F * static_cast<float>(i % 3);
      }
    }
  }

  BatchView view() const {
    FeatureView features;
    if (has(Column::features)) {
      features = batch_.features();
      features.values = numbers_.data();
      features.stride = features.positions;
    }
    return {{.source = view_of(Column::source),
             .input = view_of(Column::input),
             .expected = view_of(Column::expected),
             .features = features},
            has_,
            "these tokens",
            batch_.examples(),
            batch_.counted_tokens()};
  }

 private:
  static constexpr std::array kTokens{Column::source, Column::input, Column::expected};
  struct Ids {
    std::vector<std::int32_t> ids, lengths;
    std::int64_t places = 0;
    std::int32_t largest = kFirstFreeId;
  };

  static std::size_t index(Column column) { return static_cast<std::size_t>(column); }
  static const TokenView& of(const BatchView& batch, Column column) {
    return column == Column::source ? batch.source() : column == Column::input ? batch.input() : batch.expected();
  }
  TokenView view_of(Column column) const {
    const Ids& own = ids_[index(column)];
    return {own.ids.data(), own.lengths.data(), own.places, own.places, std::ssize(own.lengths)};
  }

  BatchView batch_;
  ColumnSet has_;
  std::array<Ids, 3> ids_;
  std::vector<float> numbers_;
};

}  // namespace tapehead
