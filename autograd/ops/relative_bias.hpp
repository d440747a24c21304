#pragma once

#include <cstdint>

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

/// score + table(h, bucket(k − p)) of query position p and key k. x (K, Q, H·B), slice h + H·b being head h of example
/// b; table (H, buckets) → (K, Q, H·B). Query q of example b stands at position q, or q + first[b]. Throws ShapeError
/// where the table does not fit, ConfigError for buckets that tell nothing apart.
template <Scalar T>
Var<T> relative_bias(Var<T> x, Var<T> table, const DistanceBuckets& buckets, const std::int32_t* first = nullptr);

}  // namespace tapehead
