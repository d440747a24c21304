#include "autograd/ops/rms_norm.hpp"

#include <cmath>

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> rms_norm(Var<T> x, Var<T> gain, double epsilon) {
  Tape<T>& tape = tape_of("rms_norm", {x}, {gain});
  const Shape shape = x.shape();
  require_rows("rms_norm", shape);
  if (gain) require_vector("rms_norm", "gain", gain.shape(), shape);
  require_epsilon("rms_norm", epsilon);
  const std::int64_t rows = shape.rows;
  const T* in = x.data();
  const T* g = gain ? gain.data() : filled(tape, rows, T(1));
  T* y = tape.allocate(shape.size());
  T* inverses = tape.allocate(shape.points());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* xn = in + n * rows;
    const T mean = dot(xn, xn, rows) / static_cast<Real<T>>(rows);
    const T inverse = inverses[n] = T(1) / std::sqrt(mean + static_cast<Real<T>>(epsilon));
    for (std::int64_t i = 0; i < rows; ++i) y[i + n * rows] = g[i] * (xn[i] * inverse);
  }

  return tape.record("rms_norm", shape, y, {x, gain}, [=](Pull<T>& pull) {
    // Gain first: where x is it too, it has begun its gradient before x adds to it.
    auto d_g = pull.into(gain);
    if (d_g) d_g.zero_if_fresh(rows);
    const auto d_x = pull.into(x);
    PointSum<T> gains(pull, d_g.data, rows, shape.points());
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* xn = in + n * rows;
      const T* dn = pull.d_output() + n * rows;
      const T inverse = inverses[n];
      if (gains) {  // y = gain ∘ x̂
        T* to = gains.at(n);
        for (std::int64_t i = 0; i < rows; ++i) to[i] += dn[i] * (xn[i] * inverse);
      }
      if (!d_x) continue;
      // x̂ = x / s, s² = mean(x²) + ε. With e = gain ∘ d_y: d_x = (e − x̂ · mean(e ∘ x̂)) / s.
      const T moment = sum_over<T>(rows, [=](std::int64_t i) { return g[i] * dn[i] * xn[i]; });
      const T slope = moment * inverse * inverse / static_cast<Real<T>>(rows);
      const Sink<T> column{d_x.data + n * rows, d_x.fresh};
      column.accumulate(rows, [=](std::int64_t i) { return (g[i] * dn[i] - xn[i] * slope) * inverse; });
    }
    gains.finish();
  });
}

template Var<float> rms_norm(Var<float>, Var<float>, double);
template Var<double> rms_norm(Var<double>, Var<double>, double);
template Var<std::complex<double>> rms_norm(Var<std::complex<double>>, Var<std::complex<double>>, double);

OpSpec spec_rms_norm() {
  const auto call = [](auto x) { return rms_norm(x[0], x[1]); };
  return {.name = "rms_norm",
          .cases =
              {
                  {"C5_T3_B2", {{{5, 3, 2}}, {{5}}}, call},
                  {"C17_T2", {{{17, 2}}, {{17}}}, call},
                  {"C33_T1", {{{33, 1}, -9, 11}, {{33}}}, call},
                  {"of_x_alone", {{{5, 3, 2}}}, [](auto x) { return rms_norm(x[0]); }},
                  {"C3_T4_wide_epsilon", {{{3, 4}}, {{3}}}, [](auto x) { return rms_norm(x[0], x[1], 0.5); }},
                  {"C67_T3", {{{67, 3}}, {{67}}}, call},
                  {"C131_T1", {{{131, 1}}, {{131}}}, call},
                  {"C3_T67_B6", {{{3, 67, 6}}, {{3}}}, call},
                  {"small", {{{5, 3}, -0.01, 0.01}, {{5}}}, call},
                  {"C1_T2_wide_epsilon", {{{1, 2}}, {{1}}}, [](auto x) { return rms_norm(x[0], x[1], 0.5); }},
              },
          .refusals = {
              {"no_rows", {{0, 3}, {0}}, call, "rms_norm: a column needs at least one row, x is (0, 3)"},
              {"gain", {{5, 3}, {4}}, call, "rms_norm: gain is (4, 1), x (5, 3) needs (5, 1)"},
              {"epsilon",
               {{5, 3}, {5}},
               [](auto x) { return rms_norm(x[0], x[1], 0.0); },
               "rms_norm: epsilon must be positive, not 0"},
          }};
}

}  // namespace tapehead
