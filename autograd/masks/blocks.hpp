#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q, at position p = q + offset among the keys, may attend the keys of its own block of `size` positions, and of
/// the `before` blocks before it (Qiu et al. 2020, "Blockwise Self-Attention"; Parmar et al. 2018, §3.3). REQUIRES:
/// size ≥ 1, before ≥ 0, q + offset ≥ 0.
struct Blocks {
  std::int64_t size = 16;
  std::int64_t before = 0;
  std::int64_t offset = 0;

  KeyRange hull(const MaskSite& /*at*/, std::int64_t query) const {
    const std::int64_t block = (query + offset) / size;
    return {(block - before) * size, (block + 1) * size};
  }
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const {
    const KeyRange range = hull(at, query);
    return range.begin <= key && key < range.end;
  }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    const KeyRange first = hull(at, tile.first_query);
    const KeyRange last = hull(at, tile.last_query());  // ranges move to the right with the query
    if (tile.last_key() < first.begin || tile.first_key >= last.end) return Cover::none;
    return tile.first_key >= last.begin && tile.last_key() < first.end ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
