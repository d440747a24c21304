#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q may attend the keys that are at least `distance` positions away.
struct Far {
  std::int64_t distance = 1;

  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {0, at.keys}; }
  bool allows(const MaskSite& /*at*/, std::int64_t query, std::int64_t key) const {
    return query - key >= distance || key - query >= distance;
  }
  Cover cover(const MaskSite& /*at*/, const MaskTile& /*tile*/) const { return Cover::some; }
};

}  // namespace tapehead
