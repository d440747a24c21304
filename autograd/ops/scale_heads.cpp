#include "autograd/ops/scale_heads.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> scale_heads(Var<T> x, Var<T> factor, HeadsIn where) {
  Tape<T>& tape = tape_of("scale_heads", {x, factor});
  const Shape shape = x.shape();
  const std::int64_t heads = factor.shape().rows;
  if (factor.shape() != Shape{heads}) {
    throw ShapeError(fmt::format("scale_heads: factor is {}, and must be (heads)", to_string(factor.shape())));
  }
  const bool in_rows = where == HeadsIn::rows;
  require_heads_divide("scale_heads", heads, in_rows ? shape.rows : shape.slices, in_rows ? "rows" : "slices", shape);
  // Either way a head is a run of numbers, and the heads follow each other.
  const std::int64_t run = in_rows ? shape.rows / heads : shape.rows * shape.columns;
  const std::int64_t rounds = in_rows ? shape.points() : shape.slices / heads;
  const T* in = x.data();
  const T* f = factor.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < heads * rounds; ++n) {
    const T own = f[n % heads];
    for (std::int64_t i = n * run; i < (n + 1) * run; ++i) y[i] = own * in[i];
  }

  return tape.record("scale_heads", shape, y, {x, factor}, [=](Pull<T>& pull) {  // y = f_h · x
    const T* d_y = pull.d_output();
    // The factor first: where x is it too, it has begun its gradient before x adds to it.
    auto d_f = pull.into(factor);
    if (d_f) d_f.zero_if_fresh(heads);
    PointSum<T> sum(pull, d_f.data, heads, rounds);
    for (std::int64_t r = 0; sum && r < rounds; ++r) {
      T* to = sum.at(r);
      for (std::int64_t h = 0; h < heads; ++h) {
        to[h] += dot(in + (h + r * heads) * run, d_y + (h + r * heads) * run, run);
      }
    }
    sum.finish();
    const auto d_x = pull.into(x);
    for (std::int64_t n = 0; d_x && n < heads * rounds; ++n) {
      const T own = f[n % heads];
      Sink<T>{d_x.data + n * run, d_x.fresh}.accumulate(run, [=](std::int64_t i) { return own * d_y[n * run + i]; });
    }
  });
}

template Var<float> scale_heads(Var<float>, Var<float>, HeadsIn);
template Var<double> scale_heads(Var<double>, Var<double>, HeadsIn);
template Var<std::complex<double>> scale_heads(Var<std::complex<double>>, Var<std::complex<double>>, HeadsIn);

OpSpec spec_scale_heads() {
  const auto in = [](HeadsIn where) { return [where](auto x) { return scale_heads(x[0], x[1], where); }; };
  return {.name = "scale_heads",
          .cases =
              {
                  {"rows_D3_H2_T4_B2", {{{6, 4, 2}}, {{2}}}, in(HeadsIn::rows)},
                  {"rows_width_1", {{{5, 3}}, {{5}}}, in(HeadsIn::rows)},
                  {"rows_D67_H2_T2", {{{134, 2}}, {{2}}}, in(HeadsIn::rows)},
                  {"rows_T67_B6", {{{4, 67, 6}}, {{2}}}, in(HeadsIn::rows)},
                  {"slices_K4_Q3_H2_B2", {{{4, 3, 4}}, {{2}}}, in(HeadsIn::slices)},
                  {"slices_one_head", {{{3, 2, 2}}, {{1}}}, in(HeadsIn::slices)},
                  {"slices_K67", {{{67, 2, 3}}, {{3}}}, in(HeadsIn::slices)},
                  {"slices_H67", {{{2, 2, 67}}, {{67}}}, in(HeadsIn::slices)},
              },
          .refusals = {
              {"rows", {{5, 2}, {2}}, in(HeadsIn::rows), "scale_heads: 2 heads do not divide the 5 rows of (5, 2)"},
              {"slices", {{2, 2, 5}, {2}}, in(HeadsIn::slices), "2 heads do not divide the 5 slices of (2, 2, 5)"},
              {"factor", {{4, 2}, {2, 2}}, in(HeadsIn::rows), "scale_heads: factor is (2, 2), and must be (heads)"},
          }};
}

}  // namespace tapehead
