#include "autograd/ops/mix_heads.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> mix_heads(Var<T> x, Var<T> weight) {
  Tape<T>& tape = tape_of("mix_heads", {x, weight});
  const Shape in = x.shape();
  const Shape w = weight.shape();
  if (w.slices != 1 || w.rows < 1 || in.slices % w.rows != 0) {
    throw ShapeError(
        fmt::format("mix_heads: x is {}, which weight {} (heads, heads) does not fit", to_string(in), to_string(w)));
  }
  const std::int64_t examples = in.slices / w.rows;
  const std::int64_t size = in.rows * in.columns;
  const Shape shape{in.rows, in.columns, w.columns * examples};
  T* y = tape.allocate(shape.size());
  // The heads of an example are the columns of a matrix: Y = X · W.
  const auto of = [=](auto* data, std::int64_t heads, std::int64_t b) {
    return MatrixView(data + b * heads * size, size, heads);
  };
  const MatrixView<const T> mixing(weight.data(), w.rows, w.columns);
  for (std::int64_t b = 0; b < examples; ++b) {
    gemm(T(1), of(x.data(), w.rows, b), Transpose::no, mixing, Transpose::no, T(0), of(y, w.columns, b));
  }

  return tape.record("mix_heads", shape, y, {x, weight}, [=](Pull<T>& pull) {  // Y = X · W
    if (auto d_w = pull.into(weight)) {                                        // first: x may be the weight itself
      d_w.zero_if_fresh(w.size());
      for (std::int64_t b = 0; b < examples; ++b) {
        gemm(T(1), of(x.data(), w.rows, b), Transpose::yes, of(pull.d_output(), w.columns, b), Transpose::no, T(1),
             MatrixView<T>(d_w.data, w.rows, w.columns));
      }
    }
    if (auto d_x = pull.into(x)) {
      for (std::int64_t b = 0; b < examples; ++b) {
        gemm(T(1), of(pull.d_output(), w.columns, b), Transpose::no, mixing, Transpose::yes, d_x.beta(),
             of(d_x.data, w.rows, b));
      }
    }
  });
}

template Var<float> mix_heads(Var<float>, Var<float>);
template Var<double> mix_heads(Var<double>, Var<double>);
template Var<std::complex<double>> mix_heads(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_mix_heads() {
  const auto call = [](auto x) { return mix_heads(x[0], x[1]); };
  return {.name = "mix_heads",
          .cases =
              {
                  {"K4_Q3_H2_B2", {{{4, 3, 4}}, {{2, 2}}}, call},
                  {"to_fewer_heads", {{{2, 3, 6}}, {{3, 2}}}, call},
                  {"one_head", {{{3, 2, 2}}, {{1}}}, call},
                  {"K67", {{{67, 2, 3}}, {{3, 3}}}, call},
                  {"H67", {{{2, 2, 67}}, {{67, 2}}}, call},
              },
          .refusals = {
              {"heads",
               {{2, 2, 5}, {2, 2}},
               call,
               "mix_heads: x is (2, 2, 5), which weight (2, 2) (heads, heads) does not fit"},
              {"slices", {{2, 2, 4}, {2, 2, 2}}, call, "which weight (2, 2, 2) (heads, heads) does not fit"},
          }};
}

}  // namespace tapehead
