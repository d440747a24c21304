#include "autograd/ops/affine_activation.hpp"

#include "autograd/branches.hpp"
#include "autograd/ops/detail/affine_parts.hpp"
#include "autograd/ops/detail/curves.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

template <Scalar T>
Var<T> affine_relu(Var<T> x, Var<T> weight, Var<T> bias, const AffineSizes& sizes) {
  const std::int64_t size = sizes.shape.size();
  T* y = x.tape().allocate(size);
  affine_forward(sizes, x, weight, bias, y);
  note_branches(x.tape(), size, [y](std::int64_t i) { return real_part(y[i]) > 0; });
  for (std::int64_t i = 0; i < size; ++i) y[i] = real_part(y[i]) > 0 ? y[i] : T(0);
  return x.tape().record("affine_activation", sizes.shape, y, {x, weight, bias}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    T* d_z = pull.scratch(size);
    for (std::int64_t i = 0; i < size; ++i) d_z[i] = real_part(y[i]) > 0 ? d_y[i] : T(0);  // y = max(0, z)
    affine_pullback(pull, sizes, x, weight, bias, d_z);
  });
}

template <Scalar T>
Var<T> affine_curve(Curve f, Var<T> x, Var<T> weight, Var<T> bias, const AffineSizes& sizes) {
  const std::int64_t size = sizes.shape.size();
  T* z = x.tape().allocate(size);
  T* y = x.tape().allocate(size);
  affine_forward(sizes, x, weight, bias, z);
  values_and_slopes(f, z, size, y, z);
  return x.tape().record("affine_activation", sizes.shape, y, {x, weight, bias}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    for (std::int64_t i = 0; i < size; ++i) z[i] *= d_y[i];  // y = f(z): the slope becomes d_z
    affine_pullback(pull, sizes, x, weight, bias, z);
  });
}

}  // namespace

template <Scalar T>
Var<T> affine_activation(Var<T> x, Var<T> weight, Var<T> bias, Activation activation) {
  tape_of("affine_activation", {x, weight}, {bias});
  const AffineSizes sizes = affine_sizes("affine_activation", x, weight, bias);
  if (activation == Activation::relu) return affine_relu(x, weight, bias, sizes);
  return affine_curve(curve_of(activation), x, weight, bias, sizes);
}

template Var<float> affine_activation(Var<float>, Var<float>, Var<float>, Activation);
template Var<double> affine_activation(Var<double>, Var<double>, Var<double>, Activation);
template Var<std::complex<double>> affine_activation(Var<std::complex<double>>, Var<std::complex<double>>,
                                                     Var<std::complex<double>>, Activation);

OpSpec spec_affine_activation() {
  const auto with = [](Activation activation) {
    return [activation](auto x) { return affine_activation(x[0], x[1], x[2], activation); };
  };
  return {.name = "affine_activation",
          .cases =
              {
                  {"gelu_in3_out4_T5_B2", {{{3, 5, 2}}, {{3, 4}}, {{4}}}, with(Activation::gelu)},
                  {"gelu_in17_out9_T1_B3", {{{17, 1, 3}}, {{17, 9}}, {{9}}}, with(Activation::gelu)},
                  {"gelu_tanh_in5_out17_T3", {{{5, 3}}, {{5, 17}}, {{17}}}, with(Activation::gelu_tanh)},
                  {"silu_in5_out17_T3", {{{5, 3}}, {{5, 17}}, {{17}}}, with(Activation::silu)},
                  {"relu_in3_out4_T5_B2", {{{3, 5, 2}}, {{3, 4}}, {{4}}}, with(Activation::relu)},
                  {"gelu_in5_out3_T67_B6", {{{5, 67, 6}}, {{5, 3}}, {{3}}}, with(Activation::gelu)},
                  {"gelu_tanh_in5_out3_T67", {{{5, 67}}, {{5, 3}}, {{3}}}, with(Activation::gelu_tanh)},
                  {"silu_in5_out67_T3", {{{5, 3}}, {{5, 67}}, {{67}}}, with(Activation::silu)},
                  {"relu_in3_out2_T67_above", {{{3, 67}}, {{3, 2}}, {{2}, 20, 30}}, with(Activation::relu)},
                  // The bias keeps every sum on one side of the kink.
                  {"relu_above", {{{3, 5, 2}}, {{3, 4}}, {{4}, 20, 30}}, with(Activation::relu)},
                  {"relu_below", {{{3, 5, 2}}, {{3, 4}}, {{4}, -30, -20}}, with(Activation::relu)},
              },
          .refusals =
              {
                  {"inner",
                   {{3, 5}, {4, 2}, {2}},
                   with(Activation::gelu),
                   "affine_activation: inner sizes differ: x is (3, 5), weight is (4, 2) (in, out)"},
                  {"bias",
                   {{3, 5}, {3, 2}, {3, 1}},
                   with(Activation::relu),
                   "affine_activation: bias is (3, 1), weight (3, 2) needs (2, 1)"},
              },
          .dual_by_hand = true};
}

}  // namespace tapehead
