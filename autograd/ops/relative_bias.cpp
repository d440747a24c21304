#include "autograd/ops/relative_bias.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/point_sum.hpp"

namespace tapehead {
namespace {

void check_table(const Shape& shape, const Shape& table, const DistanceBuckets& how) {
  if (table.columns == how.buckets && table.slices == 1 && table.rows >= 1 && shape.slices % table.rows == 0) return;
  throw ShapeError(fmt::format("relative_bias: table {} is not (heads, {}) for scores {}", to_string(table),
                               how.buckets, to_string(shape)));
}

}  // namespace

void DistanceBuckets::check() const {
  const std::int64_t one_way = both_ways ? buckets / 2 : buckets;
  if (one_way >= 2 && furthest > one_way / 2 && (!both_ways || buckets % 2 == 0)) return;
  throw ConfigError(
      fmt::format("relative_bias: {} buckets {} up to distance {} tell nothing apart; take more of them, "
                  "an even number both ways, or a larger distance",
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
Var<T> relative_bias(Var<T> x, Var<T> table, const DistanceBuckets& buckets, const std::int32_t* first) {
  Tape<T>& tape = tape_of("relative_bias", {x, table});
  const Shape shape = x.shape();
  buckets.check();
  check_table(shape, table.shape(), buckets);
  const std::int64_t heads = table.shape().rows;
  std::int64_t furthest_first = 0;
  for (std::int64_t b = 0; first != nullptr && b < shape.slices / heads; ++b) {
    furthest_first = std::max<std::int64_t>(furthest_first, first[b]);
  }
  // The bucket of every distance that there is, from the last query before the first key on.
  const std::int64_t least = -(std::max<std::int64_t>(shape.columns - 1, 0) + furthest_first);
  auto* of_distance = tape.template allocate_as<std::int32_t>(shape.rows - least);
  for (std::int64_t i = 0; i < shape.rows - least; ++i) {
    of_distance[i] = static_cast<std::int32_t>(buckets.bucket(i + least));
  }
  const auto entry = [=](std::int64_t k, std::int64_t q, std::int64_t s) {
    const std::int64_t position = q + (first != nullptr ? first[s / heads] : 0);
    return s % heads + heads * of_distance[k - position - least];
  };
  const T* in = x.data();
  const T* values = table.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    for (std::int64_t q = 0; q < shape.columns; ++q) {
      const std::int64_t column = shape.offset({0, q, s});
      for (std::int64_t k = 0; k < shape.rows; ++k) y[column + k] = in[column + k] + values[entry(k, q, s)];
    }
  }

  const std::int64_t entries = table.shape().size();
  return tape.record("relative_bias", shape, y, {x, table}, [=](Pull<T>& pull) {
    auto d_table = pull.into(table);  // first: x may be the table itself
    if (d_table) d_table.zero_if_fresh(entries);
    const T* d_y = pull.d_output();
    PointSum<T> sum(pull, d_table.data, entries, shape.points());
    for (std::int64_t n = 0; sum && n < shape.points(); ++n) {
      T* to = sum.at(n);
      for (std::int64_t k = 0; k < shape.rows; ++k) {
        to[entry(k, n % shape.columns, n / shape.columns)] += d_y[n * shape.rows + k];
      }
    }
    sum.finish();
    if (auto d_x = pull.into(x)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });
  });
}

template Var<float> relative_bias(Var<float>, Var<float>, const DistanceBuckets&, const std::int32_t*);
template Var<double> relative_bias(Var<double>, Var<double>, const DistanceBuckets&, const std::int32_t*);
template Var<std::complex<double>> relative_bias(Var<std::complex<double>>, Var<std::complex<double>>,
                                                 const DistanceBuckets&, const std::int32_t*);

OpSpec spec_relative_bias() {
  const std::int32_t* const first = ragged_lengths();
  constexpr DistanceBuckets kBoth{.buckets = 8, .furthest = 16};
  constexpr DistanceBuckets kBack{.buckets = 8, .furthest = 16, .both_ways = false};
  const auto with = [](const DistanceBuckets& buckets, const std::int32_t* positions) {
    return [=](auto x) { return relative_bias(x[0], x[1], buckets, positions); };
  };
  return {.name = "relative_bias",
          .cases =
              {
                  {"both_ways_K5_Q4_H2_B2", {{{5, 4, 4}}, {{2, 8}}}, with(kBoth, nullptr)},
                  {"one_way_K5_Q4_H2_B2", {{{5, 4, 4}}, {{2, 8}}}, with(kBack, nullptr)},
                  {"each_from_its_own_position", {{{5, 2, 6}}, {{2, 8}}}, with(kBack, first)},
                  {"K1_Q1", {{{1}}, {{1, 8}}}, with(kBoth, nullptr)},
                  {"K67", {{{67, 2}}, {{1, 8}}}, with(kBoth, nullptr)},
                  {"Q67", {{{2, 67}}, {{1, 8}}}, with(kBack, nullptr)},
                  {"H67", {{{2, 2, 67}}, {{67, 8}}}, with(kBoth, nullptr)},
              },
          .refusals = {
              {"table",
               {{2, 2, 4}, {2, 7}},
               with(kBoth, nullptr),
               "relative_bias: table (2, 7) is not (heads, 8) for scores (2, 2, 4)"},
              {"heads", {{2, 2, 5}, {2, 8}}, with(kBoth, nullptr), "table (2, 8) is not (heads, 8)"},
              {"few_buckets",
               {{2, 2}, {1, 2}},
               with({.buckets = 2, .furthest = 16}, nullptr),
               "relative_bias: 2 buckets both ways up to distance 16 tell nothing apart"},
              {"near", {{2, 2}, {1, 8}}, with({.buckets = 8, .furthest = 2}, nullptr), "up to distance 2 tell nothing"},
          }};
}

}  // namespace tapehead
