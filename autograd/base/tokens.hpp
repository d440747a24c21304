#pragma once

#include <algorithm>
#include <cstdint>

namespace tapehead {

/// Ids that data can never take; every vocabulary begins with them.
enum ReservedId : std::int32_t { kPadding = 0, kStart = 1, kEnd = 2, kUnknown = 3, kFirstFreeId = 4 };

/// The largest of the lengths of examples [first, last).
inline std::int64_t longest_of(const std::int32_t* lengths, std::int64_t first, std::int64_t last) {
  std::int64_t longest = 0;
  for (std::int64_t b = first; b < last; ++b) longest = std::max<std::int64_t>(longest, lengths[b]);
  return longest;
}

/// A view of token ids, one column an example: id (t, b) stands at `ids[t + b * stride]`; positions at and past
/// `lengths[b]` hold kPadding. The memory belongs to a batch, which must outlive every use, backward included.
struct TokenView {
  const std::int32_t* ids = nullptr;
  const std::int32_t* lengths = nullptr;
  std::int64_t stride = 0;
  std::int64_t positions = 0;
  std::int64_t examples = 0;

  std::int32_t operator()(std::int64_t t, std::int64_t b) const { return ids[t + b * stride]; }

  /// Examples [first, last), cut to the longest of them.
  TokenView slice(std::int64_t first, std::int64_t last) const {
    return {ids + first * stride, lengths + first, stride, longest_of(lengths, first, last), last - first};
  }
};

}  // namespace tapehead
