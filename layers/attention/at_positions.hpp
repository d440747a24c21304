#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// A mask whose query 0 of each example stands at positions[example] among the keys: what a pass behind a cache may
/// attend. Mask and positions must outlive it.
struct AtPositions {
  static constexpr bool kByHead = true;  // the mask may be
  const Mask* mask = nullptr;
  const std::int32_t* positions = nullptr;

  KeyRange hull(const MaskSite& at, std::int64_t query) const { return mask->hull(at, positions[at.example] + query); }
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const {
    return mask->allows(at, positions[at.example] + query, key);
  }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    return mask->cover(at, {positions[at.example] + tile.first_query, tile.queries, tile.first_key, tile.keys});
  }
};

}  // namespace tapehead
