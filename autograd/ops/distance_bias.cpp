#include "autograd/ops/distance_bias.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/point_sum.hpp"

namespace tapehead {

DistanceRange DistanceRange::of(std::int64_t keys, std::int64_t queries, const std::int32_t* first,
                                std::int64_t examples) {
  const std::int64_t last = std::max<std::int64_t>(queries - 1, 0);
  std::int64_t behind = 0;
  for (std::int64_t b = 0; first != nullptr && b < examples; ++b) behind = std::max<std::int64_t>(behind, first[b]);
  return {-last - behind, std::max<std::int64_t>(keys - 1, 0)};
}

template <Scalar T>
Var<T> distance_bias(Var<T> x, Var<T> line, std::int64_t least, const std::int32_t* first) {
  Tape<T>& tape = tape_of("distance_bias", {x, line});
  const Shape shape = x.shape();
  const Shape lines = line.shape();
  const std::int64_t heads = lines.columns;
  if (lines.slices != 1 || heads < 1 || shape.slices % heads != 0) {
    throw ShapeError(fmt::format("distance_bias: line {} is not (distances, heads) for scores {}", to_string(lines),
                                 to_string(shape)));
  }
  const DistanceRange range = DistanceRange::of(shape.rows, shape.columns, first, shape.slices / heads);
  if (least > range.least || least + lines.rows <= range.most) {
    throw ShapeError(fmt::format("distance_bias: line {} from distance {} on lacks some of {} to {}", to_string(lines),
                                 least, range.least, range.most));
  }
  // Where the biases of the keys of column n begin.
  const auto begin = [=](std::int64_t n) {
    const std::int64_t slice = n / shape.columns;
    const std::int64_t position = n % shape.columns + (first != nullptr ? first[slice / heads] : 0);
    return lines.rows * (slice % heads) - position - least;
  };
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* bias = line.data() + begin(n);
    for (std::int64_t k = 0; k < shape.rows; ++k) y[n * shape.rows + k] = in[n * shape.rows + k] + bias[k];
  }

  return tape.record("distance_bias", shape, y, {x, line}, [=](Pull<T>& pull) {
    auto d_line = pull.into(line);  // first: x may be the line itself
    if (d_line) d_line.zero_if_fresh(lines.size());
    const T* d_y = pull.d_output();
    PointSum<T> sum(pull, d_line.data, lines.size(), shape.points());
    for (std::int64_t n = 0; sum && n < shape.points(); ++n) {
      T* to = sum.at(n) + begin(n);
      for (std::int64_t k = 0; k < shape.rows; ++k) to[k] += d_y[n * shape.rows + k];
    }
    sum.finish();
    if (auto d_x = pull.into(x)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });
  });
}

template Var<float> distance_bias(Var<float>, Var<float>, std::int64_t, const std::int32_t*);
template Var<double> distance_bias(Var<double>, Var<double>, std::int64_t, const std::int32_t*);
template Var<std::complex<double>> distance_bias(Var<std::complex<double>>, Var<std::complex<double>>, std::int64_t,
                                                 const std::int32_t*);

OpSpec spec_distance_bias() {
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](std::int64_t least, const std::int32_t* positions) {
    return [=](auto x) { return distance_bias(x[0], x[1], least, positions); };
  };
  return {.name = "distance_bias",
          .cases =
              {
                  {"K5_Q4_H2_B2", {{{5, 4, 4}}, {{8, 2}}}, with(-3, nullptr)},
                  {"longer_than_needed", {{{5, 4, 4}}, {{12, 2}}}, with(-5, nullptr)},
                  {"each_from_its_own_position", {{{5, 2, 6}}, {{11, 2}}}, with(-6, first)},
                  {"K1_Q1", {{{1}}, {{1}}}, with(0, nullptr)},
                  {"K67", {{{67, 2}}, {{68, 1}}}, with(-1, nullptr)},
                  {"Q67", {{{2, 67}}, {{68, 1}}}, with(-66, nullptr)},
                  {"H67", {{{2, 2, 67}}, {{3, 67}}}, with(-1, nullptr)},
              },
          .refusals = {
              {"short",
               {{2, 2, 4}, {2, 2}},
               with(-1, nullptr),
               "distance_bias: line (2, 2) from distance -1 on lacks some of -1 to 1"},
              {"late", {{2, 2}, {3, 1}}, with(0, nullptr), "line (3, 1) from distance 0 on lacks some of -1 to 1"},
              {"heads", {{2, 2, 5}, {3, 2}}, with(-1, nullptr), "line (3, 2) is not (distances, heads) for scores"},
          }};
}

}  // namespace tapehead
