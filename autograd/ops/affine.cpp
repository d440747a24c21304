#include "autograd/ops/affine.hpp"

#include "autograd/ops/detail/affine_parts.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> affine(Var<T> x, Var<T> weight, Var<T> bias) {
  Tape<T>& tape = tape_of("affine", {x, weight}, {bias});
  const AffineSizes sizes = affine_sizes("affine", x, weight, bias);
  T* y = tape.allocate(sizes.shape.size());
  affine_forward(sizes, x, weight, bias, y);
  return tape.record("affine", sizes.shape, y, {x, weight, bias},
                     [=](Pull<T>& pull) { affine_pullback(pull, sizes, x, weight, bias, pull.d_output()); });
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
                  {"in5_out3_T67_B6", {{{5, 67, 6}}, {{5, 3}}, {{3}}}, with_bias},
                  {"in5_out3_T67", {{{5, 67}}, {{5, 3}}, {{3}}}, with_bias},
                  {"in67_out5_T3", {{{67, 3}}, {{67, 5}}, {{5}}}, with_bias},
                  {"in5_out67_T3", {{{5, 3}}, {{5, 67}}, {{67}}}, with_bias},
              },
          .refusals = {
              {"inner",
               {{3, 5}, {4, 2}},
               without_bias,
               "affine: inner sizes differ: x is (3, 5), weight is (4, 2) (in, out)"},
              {"bias", {{3, 5}, {3, 2}, {3, 1}}, with_bias, "affine: bias is (3, 1), weight (3, 2) needs (2, 1)"},
          }};
}

}  // namespace tapehead
