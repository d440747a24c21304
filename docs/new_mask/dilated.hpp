#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Query q may attend every `step`-th key, counted from its own position.
struct Dilated {
  std::int64_t step = 2;

  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {0, at.keys}; }
  bool allows(const MaskSite& /*at*/, std::int64_t query, std::int64_t key) const { return (query - key) % step == 0; }
  Cover cover(const MaskSite& /*at*/, const MaskTile& /*tile*/) const { return Cover::some; }
};

}  // namespace tapehead
