// What tells positions apart inside an attention.

#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>

#include "autograd/ops/bucket_line.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/distance_bias.hpp"
#include "autograd/ops/forgetting_bias.hpp"
#include "autograd/ops/relative_scores.hpp"
#include "autograd/ops/rotary.hpp"
#include "autograd/ops/table_bias.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

std::int64_t first_of(bool moved, std::int64_t example) { return moved ? ragged_lengths()[example] : 0; }

// Two channels as one complex number, turned by multiplication.
ForwardCase turned(const std::string& label, Shape shape, std::int64_t heads, std::int64_t width, std::int64_t channels,
                   bool pairs, bool moved, bool placed = false) {
  const auto table = std::make_shared<RotaryTable>(channels, 400, 50);
  // Places are any numbers: column t of slice b stands at the length of example 5 b + t.
  const TokenView places{ragged_lengths(), nullptr, 5, shape.columns, shape.slices};
  const RotaryOptions options{.heads = heads,
                              .width = width,
                              .pairs = pairs,
                              .offset = 3,
                              .first = moved ? ragged_lengths() : nullptr,
                              .places = placed ? places : TokenView{}};
  return {label,
          {{shape}},
          [=](auto x) { return rotary(x[0], *table, options); },
          [=](PlainInputs x) {
            return Plain::of(x[0].shape, [&](auto r, auto t, auto b) -> long double {
              const std::int64_t inside = r % width;
              if (r >= heads * width || inside >= channels) return x[0](r, t, b);
              const std::int64_t pair = pairs ? inside / 2 : inside % (channels / 2);
              const bool imaginary = pairs ? inside % 2 == 1 : inside >= channels / 2;
              const std::int64_t one = r - inside + (pairs ? 2 * pair : pair);
              const std::complex<long double> z(x[0](one, t, b), x[0](one + (pairs ? 1 : channels / 2), t, b));
              const std::int64_t place = placed ? ragged_lengths()[t + 5 * b] : t;
              const auto position = static_cast<long double>(place + 3 + first_of(moved, b));
              const long double angle = position * std::pow(50.0L, -2.0L * static_cast<long double>(pair) /
                                                                       static_cast<long double>(channels));
              const std::complex<long double> y = z * std::polar(1.0L, angle);
              return imaginary ? y.imag() : y.real();
            });
          }};
}

ForwardCase by_distance(const std::string& label, Shape shape, Shape line, std::int64_t least, bool moved) {
  return {label,
          {{shape}, {line}},
          [=](auto x) { return distance_bias(x[0], x[1], least, moved ? ragged_lengths() : nullptr); },
          [=](PlainInputs x) {
            const std::int64_t heads = line.columns;
            return Plain::of(x[0].shape, [&](auto k, auto q, auto s) {
              return x[0](k, q, s) + x[1](k - q - first_of(moved, s / heads) - least, s % heads, 0);
            });
          }};
}

// From the edges of the buckets.
std::int64_t bucket_of(std::int64_t distance, std::int64_t buckets, std::int64_t furthest, bool both_ways) {
  const std::int64_t size = both_ways ? buckets / 2 : buckets;
  const std::int64_t away = both_ways ? std::abs(distance) : std::max<std::int64_t>(0, -distance);
  const std::int64_t exact = size / 2;
  std::int64_t bucket = std::min(away, exact);
  for (std::int64_t j = 1; j < size - exact; ++j) {
    const double edge =
        static_cast<double>(exact) * std::pow(static_cast<double>(furthest) / static_cast<double>(exact),
                                              static_cast<double>(j) / static_cast<double>(size - exact));
    if (static_cast<double>(away) >= edge * (1 - 1e-12)) bucket = exact + j;
  }
  return bucket + (both_ways && distance > 0 ? size : 0);
}

ForwardCase in_buckets(const std::string& label, std::int64_t heads, const DistanceRange& range, bool both_ways) {
  const DistanceBuckets buckets{.buckets = 8, .furthest = 20, .both_ways = both_ways};
  return {label,
          {{{heads, 8}}},
          [=](auto x) { return bucket_line(x[0], buckets, range); },
          [=](PlainInputs x) {
            return Plain::of({range.count(), x[0].shape.rows}, [&](auto i, auto h, auto) {
              return x[0](h, bucket_of(i + range.least, 8, 20, both_ways), 0);
            });
          }};
}

ForwardCase by_relative_vectors(const std::string& label, Shape query, std::int64_t keys, std::int64_t most,
                                std::int64_t heads, bool moved) {
  return {label,
          {{query}, {{query.rows, 2 * most + 1}}},
          [=](auto x) { return relative_scores(x[0], x[1], keys, heads, moved ? ragged_lengths() : nullptr); },
          [=](PlainInputs x) {
            const std::int64_t c = x[1].shape.columns / 2;
            return Plain::of({keys, x[0].shape.columns, x[0].shape.slices}, [&](auto k, auto q, auto s) {
              std::int64_t distance = k - q - first_of(moved, s / heads);
              distance = distance < -c ? -c : distance > c ? c : distance;
              long double sum = 0;
              for (std::int64_t i = 0; i < x[0].shape.rows; ++i) sum += x[0](i, q, s) * x[1](i, distance + c);
              return sum;
            });
          }};
}

ForwardCase from_table(const std::string& label, Shape shape, Shape table, std::int64_t heads, bool moved) {
  return {label,
          {{shape}, {table}},
          [=](auto x) { return table_bias(x[0], x[1], heads, moved ? ragged_lengths() : nullptr); },
          [=](PlainInputs x) {
            const Shape numbers = x[1].shape;
            return Plain::of(x[0].shape, [&](auto k, auto q, auto s) {
              const std::int64_t position = q + first_of(moved, s / heads);
              return x[0](k, q, s) +
                     x[1](std::min(k, numbers.rows - 1), std::min(position, numbers.columns - 1), s % numbers.slices);
            });
          }};
}

ForwardCase forgotten(const std::string& label, Shape shape, std::int64_t heads, bool moved) {
  return {label,
          {{shape}, {{heads, shape.rows, shape.slices / heads}}},
          [=](auto x) { return forgetting_bias(x[0], x[1], moved ? ragged_lengths() : nullptr); },
          [=](PlainInputs x) {
            const std::int64_t h = x[1].shape.rows;
            return Plain::of(x[0].shape, [&](auto k, auto q, auto s) {
              const std::int64_t p = std::min(q + first_of(moved, s / h), x[0].shape.rows - 1);
              long double left = 1;
              for (std::int64_t l = std::min(k, p) + 1; l <= std::max(k, p); ++l) {
                left /= 1 + std::exp(-x[1](s % h, l, s / h));
              }
              return x[0](k, q, s) + std::log(left);
            });
          }};
}

}  // namespace

std::vector<ForwardOracle> position_oracles() {
  return {
      {"rotary",
       {turned("halves", {8, 5, 2}, 2, 4, 4, false, false), turned("pairs", {8, 5, 2}, 2, 4, 4, true, false),
        turned("partial", {11, 4, 3}, 2, 5, 2, false, false), turned("moved", {4, 3, 6}, 1, 4, 4, true, true),
        turned("placed", {4, 3, 6}, 1, 4, 4, true, false, true)}},
      {"distance_bias",
       {by_distance("K5_Q4_H2_B2", {5, 4, 4}, {8, 2}, -3, false), by_distance("longer", {3, 6, 6}, {20, 3}, -9, false),
        by_distance("moved", {5, 2, 6}, {11, 2}, -6, true)}},
      {"bucket_line",
       {in_buckets("both_ways", 2, {-4, 5}, true), in_buckets("one_way", 3, {-4, 5}, false),
        in_buckets("far", 1, {-40, 40}, true)}},
      {"table_bias",
       {from_table("K5_Q4_H2_B2", {5, 4, 4}, {5, 4, 2}, 2, false),
        from_table("larger_for_all", {3, 2, 4}, {5, 4, 1}, 2, false),
        from_table("moved", {7, 2, 6}, {5, 4, 2}, 2, true)}},
      {"forgetting_bias",
       {forgotten("T5_H2_B2", {5, 5, 4}, 2, false), forgotten("fewer_queries", {9, 4, 3}, 3, false),
        forgotten("moved", {5, 2, 6}, 2, true)}},
      {"relative_scores",
       {by_relative_vectors("D3_K5_Q4_B2", {3, 4, 2}, 5, 2, 1, false),
        by_relative_vectors("far", {2, 9, 2}, 12, 3, 1, false),
        by_relative_vectors("moved", {3, 2, 6}, 7, 4, 2, true)}},
  };
}

}  // namespace tapehead
