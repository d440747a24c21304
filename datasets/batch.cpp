#include "datasets/batch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"

namespace tapehead {

void Batch::Columns::reserve(std::int64_t count, std::int64_t length) {
  stride = length;
  ids.assign(static_cast<std::size_t>(count * length), kPadding);
  lengths.assign(static_cast<std::size_t>(count), 0);
  clear();
}

void Batch::Columns::clear() {
  examples = 0;
  longest = 0;
}

std::int32_t* Batch::Columns::add(std::int64_t length) {
  std::int32_t* column = ids.data() + examples * stride;
  std::fill_n(column, stride, kPadding);
  lengths[static_cast<std::size_t>(examples++)] = static_cast<std::int32_t>(length);
  longest = std::max(longest, length);
  return column;
}

void Batch::reserve(std::int64_t examples, std::int64_t max_source, std::int64_t max_target) {
  const std::int64_t positions = layout_ == BatchLayout::decoder_only ? max_source + max_target + 2 : max_target + 1;
  source_.reserve(examples, layout_ == BatchLayout::encoder_decoder ? max_source + 1 : 0);
  input_.reserve(examples, positions);
  expected_.reserve(examples, positions);
  counted_ = 0;
}

void Batch::clear() {
  source_.clear();
  input_.clear();
  expected_.clear();
  counted_ = 0;
}

void Batch::append(std::span<const std::int32_t> source, std::span<const std::int32_t> target) {
  const bool one_sequence = layout_ == BatchLayout::decoder_only;
  if (layout_ == BatchLayout::language && !source.empty()) {
    throw DataError(fmt::format("batch: example {} has a source, and a language model reads none", input_.examples));
  }
  const std::int64_t before =
      one_sequence ? std::ssize(source) + 1 : 0;  // input positions before the target's <s> or </s>
  const std::int64_t positions = before + std::ssize(target) + 1;
  const bool has_source = layout_ == BatchLayout::encoder_decoder;
  if (input_.examples == std::ssize(input_.lengths) || positions > input_.stride ||
      (has_source && std::ssize(source) + 1 > source_.stride)) {
    throw DataError(fmt::format("batch: example {} of lengths {} and {} exceeds the room reserved", input_.examples,
                                source.size(), target.size()));
  }
  std::int32_t* input = input_.add(positions);
  std::int32_t* expected = expected_.add(positions);
  if (one_sequence) {
    *input++ = kStart;
    input = std::copy(source.begin(), source.end(), input);
    *input++ = kEnd;
  } else {
    *input++ = kStart;
  }
  if (has_source) {
    std::int32_t* x = source_.add(std::ssize(source) + 1);
    *std::copy(source.begin(), source.end(), x) = kEnd;
  }
  std::copy(target.begin(), target.end(), input);
  *std::copy(target.begin(), target.end(), expected + before) = kEnd;
  counted_ += std::ssize(target) + 1;
}

std::int64_t positions_needed(BatchLayout layout, std::int64_t max_source, std::int64_t max_target) {
  return layout == BatchLayout::decoder_only ? max_source + max_target + 2 : std::max(max_source, max_target) + 1;
}

}  // namespace tapehead
