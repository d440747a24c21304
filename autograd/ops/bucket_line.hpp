#pragma once

#include <cstdint>

#include "autograd/ops/distance_bias.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// How distances are told apart: exactly near by, then by factors up to `furthest`, all beyond alike.
struct DistanceBuckets {
  std::int64_t buckets = 32;
  std::int64_t furthest = 128;
  bool both_ways = true;  ///< half of the buckets for keys behind the query; else those are like the query itself

  /// Of key − query (Raffel et al. 2020, "T5", §2.1, as published with its code).
  std::int64_t bucket(std::int64_t distance) const;
  /// Throws ConfigError for buckets that tell nothing apart.
  void check() const;
};

/// A line for distance_bias() of a number for each bucket: y(d − least, h) = table(h, bucket(d)) for the distances d of
/// `range`. table (H, buckets) → (L, H). Throws ShapeError where the table does not fit the buckets, ConfigError for
/// buckets that tell nothing apart.
template <Scalar T>
Var<T> bucket_line(Var<T> table, const DistanceBuckets& buckets, const DistanceRange& range);

}  // namespace tapehead
