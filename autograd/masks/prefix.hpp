#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Every query may attend the first `keys` keys. `Causal{} | Prefix{n}` reads a prefix of n both ways and goes on to
/// the right (Liu et al. 2018; Raffel et al. 2020, §3.2.1, "prefix LM").
struct Prefix {
  std::int64_t keys = 0;

  KeyRange hull(const MaskSite& /*at*/, std::int64_t /*query*/) const { return {0, keys}; }
  bool allows(const MaskSite& /*at*/, std::int64_t /*query*/, std::int64_t key) const { return key < keys; }
  Cover cover(const MaskSite& /*at*/, const MaskTile& tile) const {
    if (tile.first_key >= keys) return Cover::none;
    return tile.last_key() < keys ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
