#include "autograd/ops/add_broadcast.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> add_broadcast(Var<T> x, Var<T> term) {
  Tape<T>& tape = tape_of("add_broadcast", {x, term});
  const Shape shape = x.shape();
  const Shape part = term.shape();
  if (part.rows != shape.rows || (part.columns != shape.columns && part.columns != 1) ||
      (part.slices != shape.slices && part.slices != 1)) {
    throw ShapeError(
        fmt::format("add_broadcast: term {} cannot be spread over x {}", to_string(part), to_string(shape)));
  }
  const std::int64_t rows = shape.rows;
  // Where the column of the term lies that goes with point n of x.
  const auto column_of = [=](std::int64_t n) {
    const std::int64_t t = part.columns == 1 ? 0 : n % shape.columns;
    const std::int64_t b = part.slices == 1 ? 0 : n / shape.columns;
    return rows * (t + part.columns * b);
  };
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* in = x.data() + n * rows;
    const T* added = term.data() + column_of(n);
    for (std::int64_t c = 0; c < rows; ++c) y[c + n * rows] = in[c] + added[c];
  }

  return tape.record("add_broadcast", shape, y, {x, term}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });  // y = x + term
    if (auto d_term = pull.into(term)) {
      d_term.zero_if_fresh(part.size());
      PointSum<T> sum(pull, d_term.data, part.size(), shape.points(), part.points());
      for (std::int64_t n = 0; n < shape.points(); ++n) {
        T* to = sum.at(n) + column_of(n);
        for (std::int64_t c = 0; c < rows; ++c) to[c] += d_y[c + n * rows];
      }
      sum.finish();
    }
  });
}

template Var<float> add_broadcast(Var<float>, Var<float>);
template Var<double> add_broadcast(Var<double>, Var<double>);
template Var<std::complex<double>> add_broadcast(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_add_broadcast() {
  const auto call = [](auto x) { return add_broadcast(x[0], x[1]); };
  return {.name = "add_broadcast",
          .cases =
              {
                  {"a_column", {{{3, 4, 2}}, {{3}}}, call},
                  {"a_table_of_positions", {{{3, 4, 2}}, {{3, 4}}}, call},
                  {"a_column_a_slice", {{{17, 3, 2}}, {{17, 1, 2}}}, call},
                  {"equal_shapes", {{{3, 4, 2}}, {{3, 4, 2}}}, call},
                  {"a_long_column", {{{67, 3, 6}}, {{67}}}, call},
                  {"a_long_table", {{{3, 67, 6}}, {{3, 67}}}, call},
                  {"many_slices", {{{3, 2, 67}}, {{3, 1, 67}}}, call},
              },
          .refusals = {
              {"rows", {{3, 4}, {2, 1}}, call, "add_broadcast: term (2, 1) cannot be spread over x (3, 4)"},
              {"columns", {{3, 4}, {3, 2}}, call, "add_broadcast: term (3, 2) cannot be spread over x (3, 4)"},
              {"slices", {{3, 4, 3}, {3, 4, 2}}, call, "term (3, 4, 2) cannot be spread over x (3, 4, 3)"},
          }};
}

}  // namespace tapehead
