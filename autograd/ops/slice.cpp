#include "autograd/ops/slice.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> slice(Var<T> x, Axis axis, std::int64_t first, std::int64_t count) {
  Tape<T>& tape = tape_of("slice", {x});
  Shape whole = x.shape();
  const std::int64_t size = size_along(whole, axis);
  if (first < 0 || count < 1 || count > size - first) {
    throw ShapeError(
        fmt::format("slice: {} {} from {} on do not exist in {}", count, name_of(axis), first, to_string(whole)));
  }
  Shape shape = whole;
  size_along(shape, axis) = count;
  const auto [length, runs] = runs_along(whole, axis);
  const std::int64_t stride = length * size;
  const std::int64_t offset = length * first;
  const std::int64_t run = length * count;
  T* y = tape.allocate(shape.size());
  for (std::int64_t r = 0; r < runs; ++r) std::copy_n(x.data() + r * stride + offset, run, y + r * run);

  return tape.record("slice", shape, y, {x}, [=, number_of_runs = runs](Pull<T>& pull) {
    auto d_x = pull.into(x);
    d_x.zero_if_fresh(whole.size());
    for (std::int64_t r = 0; r < number_of_runs; ++r) {
      const T* d_y = pull.d_output() + r * run;
      T* to = d_x.data + r * stride + offset;  // y = x[first … first + count)
      for (std::int64_t i = 0; i < run; ++i) to[i] += d_y[i];
    }
  });
}

template Var<float> slice(Var<float>, Axis, std::int64_t, std::int64_t);
template Var<double> slice(Var<double>, Axis, std::int64_t, std::int64_t);
template Var<std::complex<double>> slice(Var<std::complex<double>>, Axis, std::int64_t, std::int64_t);

OpSpec spec_slice() {
  const auto with = [](Axis axis, std::int64_t first, std::int64_t count) {
    return [=](auto x) { return slice(x[0], axis, first, count); };
  };
  return {
      .name = "slice",
      .cases =
          {
              {"rows", {{{5, 4, 3}}}, with(Axis::rows, 1, 3)},
              {"columns", {{{5, 4, 3}}}, with(Axis::columns, 2, 2)},
              {"slices", {{{5, 4, 3}}}, with(Axis::slices, 0, 2)},
              {"everything", {{{5, 4, 3}}}, with(Axis::rows, 0, 5)},
              {"long_rows", {{{70, 3, 2}}}, with(Axis::rows, 2, 67)},
              {"long_columns", {{{3, 70, 2}}}, with(Axis::columns, 2, 67)},
              {"long_slices", {{{3, 2, 70}}}, with(Axis::slices, 2, 67)},
          },
      .refusals = {
          {"past_the_end", {{5, 4}}, with(Axis::rows, 3, 3), "slice: 3 rows from 3 on do not exist in (5, 4)"},
          {"negative", {{5, 4}}, with(Axis::columns, -1, 2), "slice: 2 columns from -1 on do not exist in (5, 4)"},
          {"empty", {{5, 4}}, with(Axis::slices, 0, 0), "slice: 0 slices from 0 on do not exist in (5, 4)"},
          {"past_all_numbers", {{5, 4}}, with(Axis::rows, INT64_MAX, 1), "from 9223372036854775807 on do not exist"},
      }};
}

}  // namespace tapehead
