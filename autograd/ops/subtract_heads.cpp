#include "autograd/ops/subtract_heads.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> subtract_heads(Var<T> x, Var<T> factor) {
  Tape<T>& tape = tape_of("subtract_heads", {x, factor});
  const Shape in = x.shape();
  const std::int64_t heads = factor.shape().rows;
  if (factor.shape() != Shape{heads} || heads < 1 || in.slices % (2 * heads) != 0) {
    throw ShapeError(fmt::format("subtract_heads: x is {}, which factor {} (half as many heads) does not fit",
                                 to_string(in), to_string(factor.shape())));
  }
  const std::int64_t size = in.rows * in.columns;
  const std::int64_t pairs = in.slices / 2;
  const T* f = factor.data();
  const T* values = x.data();
  T* y = tape.allocate(size * pairs);
  for (std::int64_t n = 0; n < pairs; ++n) {
    const T* one = values + 2 * n * size;
    for (std::int64_t i = 0; i < size; ++i) y[n * size + i] = one[i] - f[n % heads] * one[size + i];
  }

  return tape.record("subtract_heads", {in.rows, in.columns, pairs}, y, {x, factor}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    // y = a − f · b. The factor first: where x is it too, it has begun its gradient before x adds to it.
    auto d_f = pull.into(factor);
    if (d_f) d_f.zero_if_fresh(heads);
    PointSum<T> sum(pull, d_f.data, heads, pairs / heads);
    for (std::int64_t n = 0; sum && n < pairs; n += heads) {
      T* to = sum.at(n / heads);
      for (std::int64_t h = 0; h < heads; ++h) {
        to[h] -= dot(values + (2 * (n + h) + 1) * size, d_y + (n + h) * size, size);
      }
    }
    sum.finish();
    const auto d_x = pull.into(x);
    for (std::int64_t n = 0; d_x && n < pairs; ++n) {
      const T* d = d_y + n * size;
      const T own = f[n % heads];
      T* to = d_x.data + 2 * n * size;
      Sink<T>{to, d_x.fresh}.accumulate(size, [=](std::int64_t i) { return d[i]; });
      Sink<T>{to + size, d_x.fresh}.accumulate(size, [=](std::int64_t i) { return -own * d[i]; });
    }
  });
}

template Var<float> subtract_heads(Var<float>, Var<float>);
template Var<double> subtract_heads(Var<double>, Var<double>);
template Var<std::complex<double>> subtract_heads(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_subtract_heads() {
  const auto call = [](auto x) { return subtract_heads(x[0], x[1]); };
  return {.name = "subtract_heads",
          .cases =
              {
                  {"K4_Q3_H2_B2", {{{4, 3, 8}}, {{2}}}, call},
                  {"one_head", {{{3, 2, 4}}, {{1}}}, call},
                  {"K67", {{{67, 2, 6}}, {{3}}}, call},
                  {"H67", {{{2, 1, 134}}, {{67}}}, call},
              },
          .refusals = {
              {"heads",
               {{2, 2, 6}, {2}},
               call,
               "subtract_heads: x is (2, 2, 6), which factor (2, 1) (half as many heads) does not fit"},
              {"factor", {{2, 2, 4}, {1, 2}}, call, "which factor (1, 2) (half as many heads) does not fit"},
          }};
}

}  // namespace tapehead
