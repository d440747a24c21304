#include "autograd/ops/table_bias.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/point_sum.hpp"

namespace tapehead {

template <Scalar T>
Var<T> table_bias(Var<T> x, Var<T> table, std::int64_t heads, const std::int32_t* first) {
  Tape<T>& tape = tape_of("table_bias", {x, table});
  const Shape shape = x.shape();
  const Shape numbers = table.shape();
  require_heads_divide("table_bias", heads, shape.slices, "slices", shape);
  const bool holds = first != nullptr ? numbers.rows > 0 && numbers.columns > 0
                                      : numbers.rows >= shape.rows && numbers.columns >= shape.columns;
  if (!holds || numbers.slices < 1 || shape.slices % numbers.slices != 0) {
    throw ShapeError(fmt::format("table_bias: table {} (keys, queries, heads) has not a number for each of scores {}",
                                 to_string(numbers), to_string(shape)));
  }
  // Where the column of query q of slice s begins in the table; keys beyond its end take its last row.
  const auto column_of = [=](std::int64_t q, std::int64_t s) {
    const std::int64_t position = q + (first != nullptr ? first[s / heads] : 0);
    return numbers.offset({0, std::min(position, numbers.columns - 1), s % numbers.slices});
  };
  const std::int64_t keys = std::min(shape.rows, numbers.rows);
  const T* in = x.data();
  const T* t = table.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* column = t + column_of(n % shape.columns, n / shape.columns);
    for (std::int64_t k = 0; k < shape.rows; ++k) {
      y[n * shape.rows + k] = in[n * shape.rows + k] + column[std::min(k, keys - 1)];
    }
  }

  return tape.record("table_bias", shape, y, {x, table}, [=](Pull<T>& pull) {  // y = x + an entry
    auto d_table = pull.into(table);                                           // first: x may be the table itself
    if (d_table) d_table.zero_if_fresh(numbers.size());
    const T* d_y = pull.d_output();
    PointSum<T> sum(pull, d_table.data, numbers.size(), shape.points(), numbers.columns * numbers.slices);
    for (std::int64_t n = 0; sum && n < shape.points(); ++n) {
      T* to = sum.at(n) + column_of(n % shape.columns, n / shape.columns);
      for (std::int64_t k = 0; k < shape.rows; ++k) to[std::min(k, keys - 1)] += d_y[n * shape.rows + k];
    }
    sum.finish();
    if (auto d_x = pull.into(x)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });
  });
}

template Var<float> table_bias(Var<float>, Var<float>, std::int64_t, const std::int32_t*);
template Var<double> table_bias(Var<double>, Var<double>, std::int64_t, const std::int32_t*);
template Var<std::complex<double>> table_bias(Var<std::complex<double>>, Var<std::complex<double>>, std::int64_t,
                                              const std::int32_t*);

OpSpec spec_table_bias() {
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](std::int64_t heads, const std::int32_t* positions) {
    return [=](auto x) { return table_bias(x[0], x[1], heads, positions); };
  };
  return {.name = "table_bias",
          .cases =
              {
                  {"K5_Q4_H2_B2", {{{5, 4, 4}}, {{5, 4, 2}}}, with(2, nullptr)},
                  {"larger_table_for_all_heads", {{{3, 2, 4}}, {{5, 4}}}, with(2, nullptr)},
                  {"one_for_each_example", {{{3, 2, 4}}, {{3, 2, 4}}}, with(2, nullptr)},
                  {"each_from_its_own_position", {{{5, 2, 6}}, {{5, 8, 2}}}, with(2, first)},
                  {"beyond_the_end", {{{7, 3, 6}}, {{5, 4, 2}}}, with(2, first)},
                  {"K1_Q1", {{{1}}, {{1}}}, with(1, nullptr)},
                  {"K67", {{{67, 2}}, {{67, 2}}}, with(1, nullptr)},
                  {"Q67", {{{2, 67}}, {{2, 67}}}, with(1, nullptr)},
                  {"H67", {{{2, 2, 67}}, {{2, 2, 67}}}, with(67, nullptr)},
              },
          .refusals = {
              {"keys",
               {{3, 2, 4}, {2, 2, 2}},
               with(2, nullptr),
               "table_bias: table (2, 2, 2) (keys, queries, heads) has not a number for each of scores (3, 2, 4)"},
              {"queries", {{3, 2, 4}, {3, 1, 2}}, with(2, nullptr), "has not a number for each of scores (3, 2, 4)"},
              {"slices", {{3, 2, 4}, {3, 2, 3}}, with(2, nullptr), "has not a number for each of scores (3, 2, 4)"},
              {"heads", {{2, 2, 5}, {2, 2}}, with(2, nullptr), "2 heads do not divide the 5 slices of (2, 2, 5)"},
          }};
}

}  // namespace tapehead
