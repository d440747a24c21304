#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q, at position p = q + offset among the keys, may attend every `step`-th key, counted from p in both
/// directions (Child et al. 2019, "Sparse Transformers", §4.2; Beltagy et al. 2020, §3.1). REQUIRES: step ≥ 1.
struct Dilated {
  std::int64_t step = 2;
  std::int64_t offset = 0;

  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {0, at.keys}; }
  bool allows(const MaskSite& /*at*/, std::int64_t query, std::int64_t key) const {
    return (query + offset - key) % step == 0;
  }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    if (step == 1) return Cover::all;
    if (tile.queries > 1 || tile.keys > 1) return Cover::some;
    return allows(at, tile.first_query, tile.first_key) ? Cover::all : Cover::none;
  }
};

}  // namespace tapehead
