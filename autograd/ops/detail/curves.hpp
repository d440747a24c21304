#pragma once

#include <complex>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/activation.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/normal.hpp"

namespace tapehead {

using vectors::Curve;

/// The curve of an activation that is smooth; relu is none.
inline Curve curve_of(Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh:
      return Curve::gelu_tanh;
    case Activation::silu:
      return Curve::silu;
    case Activation::sigmoid:
      return Curve::sigmoid;
    case Activation::tanh:
      return Curve::tanh;
    case Activation::gelu:
    case Activation::relu:
      break;
  }
  return Curve::gelu;
}

/// 2u of Curve::gelu_tanh, and its derivative. Far out, where the curve is 0 or a, no power may overflow.
inline std::complex<double> gelu_tanh_argument(std::complex<double> a) {
  if (std::abs(a.real()) > 1e8) return std::copysign(1e24, a.real());
  return 2 * 0.797884560802865355879892 * (a + 0.044715 * a * a * a);
}
inline std::complex<double> gelu_tanh_argument_slope(std::complex<double> a) {
  if (std::abs(a.real()) > 1e8) return 0;  // what it is multiplied by is zero
  return 2 * 0.797884560802865355879892 * (1.0 + 3 * 0.044715 * a * a);
}

/// f(a) of one dual number.
inline std::complex<double> curve_value(Curve f, std::complex<double> a) {
  if (f == Curve::sigmoid) return logistic(a);
  if (f == Curve::tanh) return std::tanh(a);
  if (f == Curve::gelu) return a * normal_distribution(a);
  return a * logistic(f == Curve::silu ? a : gelu_tanh_argument(a));
}

/// f′(a) of one dual number.
inline std::complex<double> curve_slope(Curve f, std::complex<double> a) {
  if (f == Curve::sigmoid) return logistic(a) * logistic(-a);
  if (f == Curve::tanh) return 4.0 * logistic(2.0 * a) * logistic(-2.0 * a);
  if (f == Curve::gelu) return normal_distribution(a) + a * normal_density(a);
  const bool silu = f == Curve::silu;
  const std::complex<double> s = logistic(silu ? a : gelu_tanh_argument(a));
  return s + a * s * (1.0 - s) * (silu ? 1.0 : gelu_tanh_argument_slope(a));
}

/// y = f(x) and slope = f′(x); slope may be the memory of x.
template <Scalar T>
void values_and_slopes(Curve f, const T* x, std::int64_t count, T* y, T* slope) {
  if constexpr (RealScalar<T>) {
    vectors::curve_with_slope(f, x, count, y, slope);
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      const T a = x[i];
      y[i] = curve_value(f, a);
      slope[i] = curve_slope(f, a);
    }
  }
}

}  // namespace tapehead
