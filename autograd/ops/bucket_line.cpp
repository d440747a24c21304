#include "autograd/ops/bucket_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

void DistanceBuckets::check() const {
  const std::int64_t one_way = both_ways ? buckets / 2 : buckets;
  if (one_way >= 2 && furthest > one_way / 2 && (!both_ways || buckets % 2 == 0)) return;
  throw ConfigError(fmt::format(
      "buckets: {} {} up to distance {} tell nothing apart; take more of them, an even number both ways, or "
      "a larger distance",
      buckets, both_ways ? "both ways" : "one way", furthest));
}

std::int64_t DistanceBuckets::bucket(std::int64_t distance) const {
  const std::int64_t size = both_ways ? buckets / 2 : buckets;
  const std::int64_t base = both_ways && distance > 0 ? size : 0;
  const std::int64_t away = both_ways ? std::abs(distance) : std::max<std::int64_t>(-distance, 0);
  const std::int64_t exact = size / 2;
  if (away < exact) return base + away;
  const double share = std::log(static_cast<double>(away) / static_cast<double>(exact)) /
                       std::log(static_cast<double>(furthest) / static_cast<double>(exact));
  return base + std::min(size - 1, exact + static_cast<std::int64_t>(share * static_cast<double>(size - exact)));
}

template <Scalar T>
Var<T> bucket_line(Var<T> table, const DistanceBuckets& buckets, const DistanceRange& range) {
  Tape<T>& tape = tape_of("bucket_line", {table});
  const Shape tables = table.shape();
  buckets.check();
  if (tables.columns != buckets.buckets || tables.slices != 1 || range.count() < 1) {
    throw ShapeError(fmt::format("bucket_line: table {} is not (heads, {}), or there are no distances from {} to {}",
                                 to_string(tables), buckets.buckets, range.least, range.most));
  }
  const Shape shape{range.count(), tables.rows};
  auto* entry = tape.template allocate_as<std::int32_t>(shape.rows);  // of head 0 in the table
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    entry[i] = static_cast<std::int32_t>(tables.rows * buckets.bucket(i + range.least));
  }
  const T* in = table.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t h = 0; h < shape.columns; ++h) {
    for (std::int64_t i = 0; i < shape.rows; ++i) y[h * shape.rows + i] = in[entry[i] + h];
  }

  return tape.record("bucket_line", shape, y, {table}, [=](Pull<T>& pull) {
    auto d_table = pull.into(table);
    d_table.zero_if_fresh(tables.size());
    PointSum<T> sum(pull, d_table.data, tables.size(), shape.rows);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      T* to = sum.at(i) + entry[i];
      for (std::int64_t h = 0; h < shape.columns; ++h) to[h] += pull.d_output()[h * shape.rows + i];
    }
    sum.finish();
  });
}

template Var<float> bucket_line(Var<float>, const DistanceBuckets&, const DistanceRange&);
template Var<double> bucket_line(Var<double>, const DistanceBuckets&, const DistanceRange&);
template Var<std::complex<double>> bucket_line(Var<std::complex<double>>, const DistanceBuckets&, const DistanceRange&);

OpSpec spec_bucket_line() {
  constexpr DistanceBuckets kBoth{.buckets = 8, .furthest = 16};
  constexpr DistanceBuckets kBack{.buckets = 8, .furthest = 16, .both_ways = false};
  const auto with = [](const DistanceBuckets& buckets, std::int64_t least, std::int64_t most) {
    return [=](auto x) { return bucket_line(x[0], buckets, {least, most}); };
  };
  return {.name = "bucket_line",
          .cases =
              {
                  {"both_ways", {{{2, 8}}}, with(kBoth, -5, 20)},
                  {"one_way", {{{2, 8}}}, with(kBack, -20, 3)},
                  {"H3", {{{3, 8}}}, with(kBoth, -2, 9)},
                  {"H4", {{{4, 8}}}, with(kBack, -9, 2)},
                  {"H5", {{{5, 8}}}, with(kBoth, -30, 0)},
                  {"one_distance", {{{1, 8}}}, with(kBoth, 0, 0)},
                  {"H67", {{{67, 8}}}, with(kBoth, -1, 1)},
                  {"many_distances", {{{1, 8}}}, with(kBack, -66, 0)},
              },
          .refusals = {
              {"table", {{2, 7}}, with(kBoth, 0, 1), "bucket_line: table (2, 7) is not (heads, 8)"},
              {"no_distance", {{2, 8}}, with(kBoth, 1, 0), "there are no distances from 1 to 0"},
              {"few_buckets",
               {{1, 2}},
               with({.buckets = 2, .furthest = 16}, 0, 1),
               "buckets: 2 both ways up to distance 16 tell nothing apart"},
              {"near", {{1, 8}}, with({.buckets = 8, .furthest = 2}, 0, 1), "up to distance 2 tell nothing"},
          }};
}

}  // namespace tapehead
