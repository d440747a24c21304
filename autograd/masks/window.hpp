#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q, at position p = q + offset among the keys, may attend keys p − left … p + right (Beltagy et al. 2020,
/// "Longformer", §3.1). With `right` 0 it looks back only: a causal window of left + 1 keys.
struct Window {
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::int64_t offset = 0;

  KeyRange hull(const MaskSite& /*at*/, std::int64_t query) const {
    return {query + offset - left, query + offset + right + 1};
  }
  bool allows(const MaskSite& /*at*/, std::int64_t query, std::int64_t key) const {
    return query + offset - left <= key && key <= query + offset + right;
  }
  Cover cover(const MaskSite& /*at*/, const MaskTile& tile) const {
    const std::int64_t first = tile.first_query + offset;
    const std::int64_t last = tile.last_query() + offset;
    if (tile.last_key() < first - left || tile.first_key > last + right) return Cover::none;
    return tile.first_key >= last - left && tile.last_key() <= first + right ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
