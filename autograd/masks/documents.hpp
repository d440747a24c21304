#pragma once

#include "autograd/masks/mask.hpp"

namespace tapehead {

/// Several texts in one example: query q may attend the keys of its own one. `document` (K, B) has a number for each
/// position of queries and keys alike, and must outlive the backward pass; numbers of one example must not fall, so
/// that each text lies in one piece (Raffel et al. 2020, §3.1, packing; Krell et al. 2021, "Efficient Sequence
/// Packing").
struct Documents {
  const std::int32_t* document = nullptr;

  KeyRange hull(const MaskSite& at, std::int64_t query) const {
    const std::int32_t* of = document + at.keys * at.example;
    std::int64_t begin = query;
    std::int64_t end = query + 1;
    if (query >= at.keys) return {0, 0};
    while (begin > 0 && of[begin - 1] == of[query]) --begin;
    while (end < at.keys && of[end] == of[query]) ++end;
    return {begin, end};
  }
  bool allows(const MaskSite& at, std::int64_t query, std::int64_t key) const {
    const std::int32_t* of = document + at.keys * at.example;
    return query < at.keys && of[query] == of[key];
  }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    if (tile.last_query() >= at.keys) return Cover::some;
    const std::int32_t* of = document + at.keys * at.example;
    const std::int32_t first_key = of[tile.first_key];
    const std::int32_t last_key = of[tile.last_key()];
    if (of[tile.last_query()] < first_key || of[tile.first_query] > last_key) return Cover::none;
    const bool one = of[tile.first_query] == of[tile.last_query()] && first_key == last_key;
    return one && of[tile.first_query] == first_key ? Cover::all : Cover::some;
  }
};

}  // namespace tapehead
