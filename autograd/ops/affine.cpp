#include "autograd/ops/affine.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/gemm.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

template <Scalar T>
void check_shapes(const Var<T>& x, const Var<T>& weight, const Var<T>& bias) {
  const Shape w = weight.shape();
  if (x.shape().rows != w.rows || w.slices != 1) {
    throw ShapeError(fmt::format("affine: inner sizes differ: x is {}, weight is {} (in, out)", to_string(x.shape()),
                                 to_string(w)));
  }
  if (bias && bias.shape() != Shape{w.columns}) {
    throw ShapeError(fmt::format("affine: bias is {}, weight {} needs {}", to_string(bias.shape()), to_string(w),
                                 to_string(Shape{w.columns})));
  }
}

}  // namespace

template <Scalar T>
Var<T> affine(Var<T> x, Var<T> weight, Var<T> bias) {
  check_shapes(x, weight, bias);
  const std::int64_t in = weight.shape().rows;
  const std::int64_t out = weight.shape().columns;
  const std::int64_t points = x.shape().points();
  const Shape shape{out, x.shape().columns, x.shape().slices};
  Tape<T>& tape = x.tape();

  T* y = tape.allocate(shape.size());
  gemm(T(1), MatrixView(weight.data(), in, out), Transpose::yes, MatrixView(x.data(), in, points), Transpose::no, T(0),
       MatrixView(y, out, points), bias ? bias.data() : nullptr);

  return tape.record("affine", shape, y, {x, weight, bias}, [=](Pull<T>& pull) {
    const MatrixView d_y(pull.d_output(), out, points);
    if (auto d_x = pull.into(x)) {  // y = Wᵀ x + b
      gemm(T(1), MatrixView(weight.data(), in, out), Transpose::no, d_y, Transpose::no, d_x.beta(),
           MatrixView(d_x.data, in, points));
    }
    if (auto d_w = pull.into(weight)) {
      gemm(T(1), MatrixView(x.data(), in, points), Transpose::no, d_y, Transpose::yes, d_w.beta(),
           MatrixView(d_w.data, in, out));
    }
    if (auto d_b = pull.into(bias)) {
      d_b.zero_if_fresh(out);
      for (std::int64_t n = 0; n < points; ++n) {
        for (std::int64_t o = 0; o < out; ++o) d_b.data[o] += d_y.data[o + n * out];
      }
    }
  });
}

template Var<float> affine(Var<float>, Var<float>, Var<float>);
template Var<double> affine(Var<double>, Var<double>, Var<double>);
template Var<std::complex<double>> affine(Var<std::complex<double>>, Var<std::complex<double>>,
                                          Var<std::complex<double>>);

OpSpec spec_affine() {
  const auto with_bias = [](auto x) { return affine(x[0], x[1], x[2]); };
  const auto without_bias = [](auto x) { return affine(x[0], x[1]); };
  return {.name = "affine",
          .cases =
              {
                  {"in3_out4_T5_B2", {{{3, 5, 2}}, {{3, 4}}, {{4}}}, with_bias},
                  {"in17_out9_T1_B3", {{{17, 1, 3}}, {{17, 9}}, {{9}}}, with_bias},
                  {"in3_out4_T5_B2_no_bias", {{{3, 5, 2}}, {{3, 4}}}, without_bias},
                  {"in1_out1_T1_B1", {{{1}}, {{1, 1}}, {{1}}}, with_bias},
              },
          .refusals = {
              {"inner", {{3, 5}, {4, 2}}, without_bias,
               "affine: inner sizes differ: x is (3, 5), weight is (4, 2) (in, out)"},
              {"bias", {{3, 5}, {3, 2}, {3, 1}}, with_bias, "affine: bias is (3, 1), weight (3, 2) needs (2, 1)"},
          }};
}

}  // namespace tapehead
