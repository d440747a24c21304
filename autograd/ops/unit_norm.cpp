#include "autograd/ops/unit_norm.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> unit_norm(Var<T> x, Var<T> gain, std::int64_t heads, double epsilon) {
  Tape<T>& tape = tape_of("unit_norm", {x}, {gain});
  const Shape shape = x.shape();
  require_heads_divide("unit_norm", heads, shape.rows, "rows", shape);
  require_epsilon("unit_norm", epsilon);
  if (gain && gain.shape() != Shape{heads}) {
    throw ShapeError(fmt::format("unit_norm: gain is {}, {} heads need {}", to_string(gain.shape()), heads,
                                 to_string(Shape{heads})));
  }
  const std::int64_t width = shape.rows / heads;
  const std::int64_t points = shape.points();
  const T* in = x.data();
  const T* g = gain ? gain.data() : filled(tape, heads, T(1));
  T* y = tape.allocate(shape.size());
  T* inverses = tape.allocate(heads * points);
  for (std::int64_t n = 0; n < heads * points; ++n) {
    const T* xn = in + n * width;
    const T inverse = inverses[n] = T(1) / std::sqrt(dot(xn, xn, width) + static_cast<Real<T>>(epsilon));
    const T factor = g[n % heads] * inverse;
    for (std::int64_t i = 0; i < width; ++i) y[i + n * width] = factor * xn[i];
  }

  return tape.record("unit_norm", shape, y, {x, gain}, [=](Pull<T>& pull) {
    // Gain first: where x is it too, it has begun its gradient before x adds to it.
    auto d_g = pull.into(gain);
    if (d_g) d_g.zero_if_fresh(heads);
    const auto d_x = pull.into(x);
    PointSum<T> gains(pull, d_g.data, heads, points);
    for (std::int64_t n = 0; n < points; ++n) {
      T* to = gains ? gains.at(n) : nullptr;
      for (std::int64_t h = 0; h < heads; ++h) {
        const std::int64_t at = h + n * heads;
        const T* xn = in + at * width;
        const T* dn = pull.d_output() + at * width;
        const T inverse = inverses[at];
        const T along = dot(xn, dn, width);
        if (to != nullptr) to[h] += along * inverse;  // y = gain · x̂
        if (!d_x) continue;
        // x̂ = x / s, s² = Σ x² + ε: d_x = gain · (d_y − x̂ · Σ x̂ ∘ d_y) / s
        const T factor = g[h] * inverse;
        const T slope = along * inverse * inverse;
        Sink<T>{d_x.data + at * width, d_x.fresh}.accumulate(
            width, [=](std::int64_t i) { return factor * (dn[i] - xn[i] * slope); });
      }
    }
    gains.finish();
  });
}

template Var<float> unit_norm(Var<float>, Var<float>, std::int64_t, double);
template Var<double> unit_norm(Var<double>, Var<double>, std::int64_t, double);
template Var<std::complex<double>> unit_norm(Var<std::complex<double>>, Var<std::complex<double>>, std::int64_t,
                                             double);

OpSpec spec_unit_norm() {
  const auto with = [](std::int64_t heads, double epsilon = 1e-6) {
    return [=](auto x) { return unit_norm(x[0], x[1], heads, epsilon); };
  };
  return {.name = "unit_norm",
          .cases =
              {
                  {"D3_H2_T3_B2", {{{6, 3, 2}}, {{2}}}, with(2)},
                  {"of_x_alone", {{{6, 3, 2}}}, [](auto x) { return unit_norm(x[0], {}, 3); }},
                  {"one_head", {{{5, 4}}, {{1}}}, with(1)},
                  {"width_1_wide_epsilon", {{{3, 4}}, {{3}}}, with(3, 0.5)},
                  {"D67_H2_T2", {{{134, 2}}, {{2}}}, with(2)},
                  {"D2_H67_T2", {{{134, 2}}, {{67}}}, with(67)},
                  {"D2_H2_T67_B6", {{{4, 67, 6}}, {{2}}}, with(2)},
                  {"small_wide_epsilon", {{{4, 3}, -0.01, 0.01}, {{2}}}, with(2, 1e-4)},
              },
          .refusals = {
              {"heads", {{5, 3}, {2}}, with(2), "unit_norm: 2 heads do not divide the 5 rows of (5, 3)"},
              {"no_heads", {{4, 3}, {2}}, with(0), "unit_norm: heads must be at least 1, not 0"},
              {"gain", {{4, 3}, {4}}, with(2), "unit_norm: gain is (4, 1), 2 heads need (2, 1)"},
              {"epsilon", {{4, 3}, {2}}, with(2, 0), "unit_norm: epsilon must be positive, not 0"},
          }};
}

}  // namespace tapehead
