#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q, which stands at position q + offset among the keys, may attend keys 0 … q + offset. `offset` 0 is the upper
/// left corner of the map; keys − queries the lower right one.
struct Causal {
  static constexpr bool kLooksBack = true;
  std::int64_t offset = 0;

  KeyRange hull(const MaskSite& /*at*/, std::int64_t query) const { return {0, query + offset + 1}; }
  bool allows(const MaskSite& /*at*/, std::int64_t query, std::int64_t key) const { return key <= query + offset; }
  Cover cover(const MaskSite& /*at*/, const MaskTile& tile) const {
    if (tile.first_key > tile.last_query() + offset) return Cover::none;
    return tile.last_key() <= tile.first_query + offset ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
