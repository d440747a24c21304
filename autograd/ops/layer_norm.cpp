#include "autograd/ops/layer_norm.hpp"

#include <cmath>

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// What the pullback keeps of a column.
template <Scalar T>
struct Moments {
  T mean, inverse_deviation;
};

template <Scalar T>
Moments<T> moments_of(const T* x, std::int64_t rows, double epsilon) {
  const T mean = sum_over<T>(rows, [=](std::int64_t i) { return x[i]; }) / static_cast<Real<T>>(rows);
  const T variance =
      sum_over<T>(rows, [=](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); }) / static_cast<Real<T>>(rows);
  return {mean, T(1) / std::sqrt(variance + static_cast<Real<T>>(epsilon))};
}

}  // namespace

template <Scalar T>
Var<T> layer_norm(Var<T> x, Var<T> gain, Var<T> bias, double epsilon) {
  Tape<T>& tape = tape_of("layer_norm", {x}, {gain, bias});
  const Shape shape = x.shape();
  require_rows("layer_norm", shape);
  if (gain) require_vector("layer_norm", "gain", gain.shape(), shape);
  if (bias) require_vector("layer_norm", "bias", bias.shape(), shape);
  require_epsilon("layer_norm", epsilon);
  const std::int64_t rows = shape.rows;
  const T* in = x.data();
  const T* g = gain ? gain.data() : filled(tape, rows, T(1));
  const T* b = bias ? bias.data() : filled(tape, rows, T(0));
  T* y = tape.allocate(shape.size());
  auto* kept = tape.template allocate_as<Moments<T>>(shape.points());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const auto [mean, inverse] = kept[n] = moments_of(in + n * rows, rows, epsilon);
    for (std::int64_t i = 0; i < rows; ++i) y[i + n * rows] = g[i] * ((in[i + n * rows] - mean) * inverse) + b[i];
  }

  return tape.record("layer_norm", shape, y, {x, gain, bias}, [=](Pull<T>& pull) {
    // Gain and bias first: where x is one of them too, they have begun its gradient before x adds to it.
    auto d_g = pull.into(gain);
    if (d_g) d_g.zero_if_fresh(rows);
    auto d_b = pull.into(bias);
    if (d_b) d_b.zero_if_fresh(rows);
    const auto d_x = pull.into(x);
    PointSum<T> gains(pull, d_g.data, rows, shape.points());
    PointSum<T> biases(pull, d_b.data, rows, shape.points());
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* xn = in + n * rows;
      const T* dn = pull.d_output() + n * rows;
      const T mean = kept[n].mean;
      const T inverse = kept[n].inverse_deviation;
      if (gains) {  // y = gain ∘ x̂ + bias
        T* to = gains.at(n);
        for (std::int64_t i = 0; i < rows; ++i) to[i] += dn[i] * ((xn[i] - mean) * inverse);
      }
      if (biases) {
        T* to = biases.at(n);
        for (std::int64_t i = 0; i < rows; ++i) to[i] += dn[i];
      }
      if (!d_x) continue;
      // x̂ = (x − μ) / s, s = √(σ² + ε), μ and σ² of all of x (Ba et al. 2016, eq. 3). With e = gain ∘ d_y:
      // d_x = (e − mean(e) − x̂ · mean(e ∘ x̂)) / s, the Jacobian of x̂ applied to e.
      const T sum = sum_over<T>(rows, [=](std::int64_t i) { return g[i] * dn[i]; });
      const T moment = sum_over<T>(rows, [=](std::int64_t i) { return g[i] * dn[i] * (xn[i] - mean); });
      const T mean_e = sum / static_cast<Real<T>>(rows);
      const T slope = moment * inverse * inverse / static_cast<Real<T>>(rows);
      const Sink<T> column{d_x.data + n * rows, d_x.fresh};
      column.accumulate(rows,
                        [=](std::int64_t i) { return (g[i] * dn[i] - mean_e - (xn[i] - mean) * slope) * inverse; });
    }
    gains.finish();
    biases.finish();
  });
}

template Var<float> layer_norm(Var<float>, Var<float>, Var<float>, double);
template Var<double> layer_norm(Var<double>, Var<double>, Var<double>, double);
template Var<std::complex<double>> layer_norm(Var<std::complex<double>>, Var<std::complex<double>>,
                                              Var<std::complex<double>>, double);

OpSpec spec_layer_norm() {
  const auto call = [](auto x) { return layer_norm(x[0], x[1], x[2]); };
  return {
      .name = "layer_norm",
      .cases =
          {
              {"C5_T3_B2", {{{5, 3, 2}}, {{5}}, {{5}}}, call},
              {"C17_T2", {{{17, 2}}, {{17}}, {{17}}}, call},
              {"C33_T1", {{{33, 1}, -9, 11}, {{33}}, {{33}}}, call},
              {"without_gain", {{{5, 3, 2}}, {{5}}}, [](auto x) { return layer_norm(x[0], {}, x[1]); }},
              {"without_bias", {{{5, 3, 2}}, {{5}}}, [](auto x) { return layer_norm(x[0], x[1], {}); }},
              {"of_x_alone", {{{5, 3, 2}}}, [](auto x) { return layer_norm(x[0]); }},
              {"C3_T4_wide_epsilon",
               {{{3, 4}}, {{3}}, {{3}}},
               [](auto x) { return layer_norm(x[0], x[1], x[2], 0.5); }},
              {"C67_T3", {{{67, 3}}, {{67}}, {{67}}}, call},
              {"C131_T1", {{{131, 1}}, {{131}}, {{131}}}, call},
              {"C3_T67_B6", {{{3, 67, 6}}, {{3}}, {{3}}}, call},
              {"nearly_constant", {{{5, 3}, 0.99, 1.01}, {{5}}, {{5}}}, call},
              // With one channel all of d_x cancels. A wide epsilon and a small gain keep what rounding leaves of its
              // terms small beside the gradient of the bias.
              {"C1_T2", {{{1, 2}}, {{1}, 1e-4, 2e-4}, {{1}}}, [](auto x) { return layer_norm(x[0], x[1], x[2], 0.5); }},
          },
      .refusals = {
          {"no_rows", {{0, 3}, {0}, {0}}, call, "layer_norm: a column needs at least one row, x is (0, 3)"},
          {"gain", {{5, 3}, {4}, {5}}, call, "layer_norm: gain is (4, 1), x (5, 3) needs (5, 1)"},
          {"bias", {{5, 3}, {5}, {5, 3}}, call, "layer_norm: bias is (5, 3), x (5, 3) needs (5, 1)"},
          {"epsilon",
           {{5, 3}, {5}, {5}},
           [](auto x) { return layer_norm(x[0], x[1], x[2], 0.0); },
           "layer_norm: epsilon must be positive, not 0"},
      }};
}

}  // namespace tapehead
