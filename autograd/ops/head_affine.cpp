#include "autograd/ops/head_affine.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> head_affine(Var<T> x, Var<T> weight) {
  Tape<T>& tape = tape_of("head_affine", {x, weight});
  const Shape in = x.shape();
  const Shape w = weight.shape();
  if (in.rows != w.rows || w.slices < 1 || in.slices % w.slices != 0) {
    throw ShapeError(fmt::format("head_affine: x is {}, which weight {} (in, out, heads) does not fit", to_string(in),
                                 to_string(w)));
  }
  const Shape shape{w.columns, in.columns, in.slices};
  T* y = tape.allocate(shape.size());
  const auto slice_of = [](auto* data, const Shape& whole, std::int64_t s) {
    return MatrixView(data + s * whole.rows * whole.columns, whole.rows, whole.columns);
  };
  for (std::int64_t s = 0; s < in.slices; ++s) {
    gemm(T(1), slice_of(weight.data(), w, s % w.slices), Transpose::yes, slice_of(x.data(), in, s), Transpose::no, T(0),
         slice_of(y, shape, s));
  }
  return tape.record("head_affine", shape, y, {x, weight}, [=](Pull<T>& pull) {  // y = Wᵀ x
    if (auto d_w = pull.into(weight)) {
      d_w.zero_if_fresh(w.size());
      for (std::int64_t s = 0; s < in.slices; ++s) {
        gemm(T(1), slice_of(x.data(), in, s), Transpose::no, slice_of(pull.d_output(), shape, s), Transpose::yes, T(1),
             slice_of(d_w.data, w, s % w.slices));
      }
    }
    if (auto d_x = pull.into(x)) {
      for (std::int64_t s = 0; s < in.slices; ++s) {
        gemm(T(1), slice_of(weight.data(), w, s % w.slices), Transpose::no, slice_of(pull.d_output(), shape, s),
             Transpose::no, d_x.beta(), slice_of(d_x.data, in, s));
      }
    }
  });
}

template Var<float> head_affine(Var<float>, Var<float>);
template Var<double> head_affine(Var<double>, Var<double>);
template Var<std::complex<double>> head_affine(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_head_affine() {
  const auto call = [](auto x) { return head_affine(x[0], x[1]); };
  return {.name = "head_affine",
          .cases =
              {
                  {"D3_A2_T4_H2_B3", {{{3, 4, 6}}, {{3, 2, 2}}}, call},
                  {"D1_A1_T1", {{{1}}, {{1}}}, call},
                  {"D17_A33_T2_H3", {{{17, 2, 3}}, {{17, 33, 3}}}, call},
                  {"T67_B6", {{{2, 67, 6}}, {{2, 3}}}, call},
                  {"D67", {{{67, 2}}, {{67, 2}}}, call},
                  {"A67", {{{2, 3}}, {{2, 67}}}, call},
                  {"H67", {{{2, 3, 67}}, {{2, 2, 67}}}, call},
              },
          .refusals = {
              {"inner",
               {{3, 2, 2}, {4, 2, 2}},
               call,
               "head_affine: x is (3, 2, 2), which weight (4, 2, 2) (in, out, heads) does not fit"},
              {"heads", {{3, 2, 3}, {3, 2, 2}}, call, "weight (3, 2, 2) (in, out, heads) does not fit"},
          }};
}

}  // namespace tapehead
