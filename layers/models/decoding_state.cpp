#include "layers/models/decoding_state.hpp"

#include <algorithm>

namespace tapehead {

TokenColumns::TokenColumns(const std::vector<std::vector<std::int32_t>>& columns) {
  for (const auto& column : columns) stride_ = std::max<std::int64_t>(stride_, std::ssize(column));
  ids_.assign(columns.size() * static_cast<std::size_t>(stride_), kPadding);
  for (std::size_t b = 0; b < columns.size(); ++b) {
    std::ranges::copy(columns[b], ids_.data() + b * static_cast<std::size_t>(stride_));
    lengths_.push_back(static_cast<std::int32_t>(columns[b].size()));
  }
}

TokenView TokenColumns::view() const { return {ids_.data(), lengths_.data(), stride_, stride_, std::ssize(lengths_)}; }

void TokenColumns::reorder(std::span<const std::int32_t> from) {
  TokenColumns reordered;
  reordered.stride_ = stride_;
  for (const std::int32_t column : from) {
    const std::int32_t* ids = ids_.data() + stride_ * column;
    reordered.ids_.insert(reordered.ids_.end(), ids, ids + stride_);
    reordered.lengths_.push_back(lengths_.at(static_cast<std::size_t>(column)));
  }
  *this = std::move(reordered);
}

}  // namespace tapehead
