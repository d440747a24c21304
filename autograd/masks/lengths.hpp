#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Every query may attend keys 0 … lengths[example] − 1 of its example. The lengths must outlive the backward pass.
struct Lengths {
  const std::int32_t* lengths = nullptr;

  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {0, lengths[at.example]}; }
  bool allows(const MaskSite& at, std::int64_t /*query*/, std::int64_t key) const { return key < lengths[at.example]; }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    if (tile.first_key >= lengths[at.example]) return Cover::none;
    return tile.last_key() < lengths[at.example] ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
