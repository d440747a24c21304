#include "datasets/batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "autograd/base/errors.hpp"

namespace tapehead {

static_assert(kPadding == 0, "columns are cleared with zeros");

template <class T>
void Batch::Columns<T>::reserve(std::int64_t count, std::int64_t length, std::int64_t numbers) {
  width = numbers;
  stride = length;
  values.assign(static_cast<std::size_t>(count * length * width), T{});
  lengths.assign(static_cast<std::size_t>(count), 0);
  clear();
}

template <class T>
void Batch::Columns<T>::clear() {
  examples = 0;
  longest = 0;
}

template <class T>
T* Batch::Columns<T>::add(std::int64_t length) {
  T* column = values.data() + examples * stride * width;
  std::fill_n(column, stride * width, T{});
  lengths[static_cast<std::size_t>(examples++)] = static_cast<std::int32_t>(length);
  longest = std::max(longest, length);
  return column;
}

ColumnSet columns_of(const ExampleShape& shape, BatchLayout layout) {
  ColumnSet columns;
  if (shape.has_source && layout == BatchLayout::encoder_decoder) columns.add(Column::source);
  if (shape.has_target) columns.add(Column::input);
  if (shape.has_target) columns.add(Column::expected);
  if (shape.has_target && shape.has_positions) columns.add(Column::positions);
  if (shape.channels > 0) columns.add(Column::features);
  if (shape.classes > 0) columns.add(Column::labels);
  return columns;
}

void Batch::reserve(std::int64_t examples, const ExampleShape& longest) {
  has_ = columns_of(longest, layout_);
  data_ = longest.data;
  room_ = examples;
  const auto length = [&](Column column, std::int64_t wanted) { return has_.has(column) ? wanted : 0; };
  ends_ = longest.ends;
  const std::int64_t tokens = longest.target + ends_ + (layout_ == BatchLayout::decoder_only ? longest.source + 1 : 0);
  source_.reserve(examples, length(Column::source, longest.source + 1));
  input_.reserve(examples, length(Column::input, tokens));
  expected_.reserve(examples, length(Column::expected, tokens));
  positions_.reserve(examples, length(Column::positions, tokens));
  features_.reserve(examples, length(Column::features, longest.features), longest.channels);
  labels_.assign(static_cast<std::size_t>(length(Column::labels, examples)), 0);
  writer_ = ExampleWriter(longest);
  clear();
}

void Batch::reserve(std::int64_t examples, std::int64_t max_source, std::int64_t max_target) {
  reserve(examples, {.source = max_source, .target = max_target});
}

void Batch::clear() {
  for (auto* columns : {&source_, &input_, &expected_, &positions_}) columns->clear();
  features_.clear();
  examples_ = 0;
  counted_ = 0;
}

BatchView Batch::view() const {
  const FeatureView features{features_.values.data(), features_.lengths.data(), features_.width,
                             features_.stride,        features_.longest,        features_.examples};
  return {{source_.view(), input_.view(), expected_.view(), positions_.view(), features, {labels_.data(), examples_}},
          has_,
          data_.c_str(),
          examples_,
          counted_};
}

// Positions of the input before the target's <s> or the </s> that stands for it.
std::int64_t Batch::before_target(const ExampleView& example) const {
  return layout_ == BatchLayout::decoder_only ? std::ssize(example.source) + 1 : 0;
}

void Batch::require_room(const ExampleView& example) const {
  if (layout_ == BatchLayout::language && !example.source.empty()) {
    throw DataError(fmt::format("batch: example {} has a source, and a language model reads none", examples_));
  }
  const std::int64_t source = std::ssize(example.source);
  const std::int64_t target = std::ssize(example.target);
  if (!ends_ && target == 0) throw DataError(fmt::format("batch: example {} says nothing, not even an end", examples_));
  if (examples_ == room_ ||
      (has_.has(Column::input) && before_target(example) + target_positions(example) > input_.stride) ||
      (has_.has(Column::source) && source + 1 > source_.stride)) {
    throw DataError(
        fmt::format("batch: example {} of lengths {} and {} exceeds the room reserved", examples_, source, target));
  }
  const auto fits = [&](const auto& part, std::int64_t wanted, const char* name) {
    if (part.empty() || std::ssize(part) == wanted) return;
    throw DataError(
        fmt::format("batch: example {} has {} {} for a target of length {}", examples_, part.size(), name, target));
  };
  fits(example.marks, target_positions(example), "marks");
  fits(example.positions, target_positions(example), "positions");
  if (has_.has(Column::features) && (std::ssize(example.features) % features_.width != 0 ||
                                     std::ssize(example.features) > features_.width * features_.stride)) {
    throw DataError(fmt::format("batch: example {} has {} numbers, and there is room for {} positions of {}", examples_,
                                example.features.size(), features_.stride, features_.width));
  }
}

void Batch::append(const ExampleView& example) {
  require_room(example);
  if (has_.has(Column::input)) append_tokens(example);
  if (has_.has(Column::features)) {
    std::ranges::copy(example.features, features_.add(std::ssize(example.features) / features_.width));
  }
  if (has_.has(Column::labels)) labels_[static_cast<std::size_t>(examples_)] = example.label;
  ++examples_;
}

void Batch::append_tokens(const ExampleView& example) {
  const std::span<const std::int32_t> source = example.source;
  const std::span<const std::int32_t> target = example.target;
  const std::int64_t before = before_target(example);
  const std::int64_t positions = before + target_positions(example);
  std::int32_t* input = input_.add(positions);
  *input++ = before > 0 ? std::int32_t{kStart} : example.before;
  if (before > 0) {
    input = std::copy(source.begin(), source.end(), input);
    *input++ = kEnd;
  }
  std::copy(target.begin(), target.end() - (ends_ ? 0 : 1), input);
  if (has_.has(Column::source)) {
    *std::copy(source.begin(), source.end(), source_.add(std::ssize(source) + 1)) = kEnd;
  }

  std::int32_t* expected = expected_.add(positions) + before;
  std::int32_t* end = std::copy(target.begin(), target.end(), expected);
  if (ends_) *end = kEnd;
  counted_ += target_positions(example);
  for (std::size_t t = 0; t < example.marks.size(); ++t) {
    if (example.marks[t] != 0) continue;
    expected[t] = kPadding;
    --counted_;
  }

  if (!has_.has(Column::positions)) return;
  std::int32_t* numbers = positions_.add(positions);
  std::iota(numbers, numbers + positions, 0);
  for (std::size_t t = 0; t < example.positions.size(); ++t) {
    numbers[before + static_cast<std::int64_t>(t)] = static_cast<std::int32_t>(before) + example.positions[t];
  }
}

std::int64_t positions_needed(BatchLayout layout, const ExampleShape& longest) {
  const std::int64_t target = longest.target + longest.ends;
  if (layout == BatchLayout::decoder_only) return longest.source + 1 + target;
  return longest.has_source ? std::max(longest.source + 1, target) : target;
}

}  // namespace tapehead
