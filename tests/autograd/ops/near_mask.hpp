#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Slice h + H·b is head h of example b; a mask of 3 · b − h keys to either side tells them apart.
struct Near {
  static constexpr bool kByHead = true;
  static std::int64_t reach(const MaskSite& at) { return 3 * at.example - at.head; }
  KeyRange hull(const MaskSite& at, std::int64_t query) const { return {query - reach(at), query + reach(at) + 1}; }
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const {
    return query - reach(at) <= key && key <= query + reach(at);
  }
  Cover cover(const MaskSite&, const MaskTile&) const { return Cover::some; }
};

}  // namespace tapehead
