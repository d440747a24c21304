#include "autograd/ops/detail/affine_parts.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/point_sum.hpp"

namespace tapehead {

template <Scalar T>
AffineSizes affine_sizes(const char* op, const Var<T>& x, const Var<T>& weight, const Var<T>& bias) {
  const Shape w = weight.shape();
  if (x.shape().rows != w.rows || w.slices != 1) {
    throw ShapeError(
        fmt::format("{}: inner sizes differ: x is {}, weight is {} (in, out)", op, to_string(x.shape()), to_string(w)));
  }
  if (bias && bias.shape() != Shape{w.columns}) {
    throw ShapeError(fmt::format("{}: bias is {}, weight {} needs {}", op, to_string(bias.shape()), to_string(w),
                                 to_string(Shape{w.columns})));
  }
  return {w.rows, w.columns, x.shape().points(), {w.columns, x.shape().columns, x.shape().slices}};
}

template <Scalar T>
void affine_forward(const AffineSizes& sizes, const Var<T>& x, const Var<T>& weight, const Var<T>& bias, T* y) {
  const auto [in, out, points, shape] = sizes;
  gemm(T(1), MatrixView(weight.data(), in, out), Transpose::yes, MatrixView(x.data(), in, points), Transpose::no, T(0),
       MatrixView(y, out, points), bias ? bias.data() : nullptr);
}

template <Scalar T>
void affine_pullback(Pull<T>& pull, const AffineSizes& sizes, Var<T> x, Var<T> weight, Var<T> bias, const T* d_output) {
  const auto [in, out, points, shape] = sizes;
  const MatrixView d_y(d_output, out, points);
  if (auto d_b = pull.into(bias)) {  // y = Wᵀ x + b
    d_b.zero_if_fresh(out);
    PointSum<T> sum(pull, d_b.data, out, points);
    for (std::int64_t n = 0; n < points; ++n) {
      T* to = sum.at(n);
      for (std::int64_t o = 0; o < out; ++o) to[o] += d_y.data[o + n * out];
    }
    sum.finish();
  }
  if (auto d_x = pull.into(x)) {
    gemm(T(1), MatrixView(weight.data(), in, out), Transpose::no, d_y, Transpose::no, d_x.beta(),
         MatrixView(d_x.data, in, points));
  }
  if (auto d_w = pull.into(weight)) {
    gemm(T(1), MatrixView(x.data(), in, points), Transpose::no, d_y, Transpose::yes, d_w.beta(),
         MatrixView(d_w.data, in, out));
  }
}

template AffineSizes affine_sizes(const char*, const Var<float>&, const Var<float>&, const Var<float>&);
template AffineSizes affine_sizes(const char*, const Var<double>&, const Var<double>&, const Var<double>&);
template AffineSizes affine_sizes(const char*, const Var<std::complex<double>>&, const Var<std::complex<double>>&,
                                  const Var<std::complex<double>>&);
template void affine_forward(const AffineSizes&, const Var<float>&, const Var<float>&, const Var<float>&, float*);
template void affine_forward(const AffineSizes&, const Var<double>&, const Var<double>&, const Var<double>&, double*);
template void affine_forward(const AffineSizes&, const Var<std::complex<double>>&, const Var<std::complex<double>>&,
                             const Var<std::complex<double>>&, std::complex<double>*);
template void affine_pullback(Pull<float>&, const AffineSizes&, Var<float>, Var<float>, Var<float>, const float*);
template void affine_pullback(Pull<double>&, const AffineSizes&, Var<double>, Var<double>, Var<double>, const double*);
template void affine_pullback(Pull<std::complex<double>>&, const AffineSizes&, Var<std::complex<double>>,
                              Var<std::complex<double>>, Var<std::complex<double>>, const std::complex<double>*);

}  // namespace tapehead
