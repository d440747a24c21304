#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// What a table says: query q may attend key k where allowed[k + keys · (q + queries · …)] is not zero. The table
/// (K, Q), (K, Q, B) or, with `heads`, (K, Q, H, B) or (K, Q, H); `per_example` says whether it goes by example. It
/// must outlive the backward pass.
struct Explicit {
  static constexpr bool kByHead = true;
  const std::uint8_t* allowed = nullptr;
  std::int64_t queries = 0;
  std::int32_t heads = 0;  ///< 0: the same for every head
  bool per_example = false;

  const std::uint8_t* row(const MaskSite& at, std::int64_t query) const {
    const std::int64_t maps =
        (heads > 0 ? at.head % heads : 0) + (per_example ? at.example : 0) * (heads > 0 ? heads : 1);
    return allowed + at.keys * (query + queries * maps);
  }
  KeyRange hull(const MaskSite& at, std::int64_t query) const {
    const std::uint8_t* keys = row(at, query);
    std::int64_t begin = 0;
    std::int64_t end = at.keys;
    while (begin < end && keys[begin] == 0) ++begin;
    while (end > begin && keys[end - 1] == 0) --end;
    return {begin, end};
  }
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const { return row(at, query)[key] != 0; }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    std::int64_t count = 0;
    for (std::int64_t q = tile.first_query; q <= tile.last_query(); ++q) {
      const std::uint8_t* keys = row(at, q) + tile.first_key;
      for (std::int64_t k = 0; k < tile.keys; ++k) count += keys[k] != 0;
    }
    if (count == 0) return Cover::none;
    return count == tile.queries * tile.keys ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
