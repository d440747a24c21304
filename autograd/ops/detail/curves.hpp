#pragma once

#include <complex>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/normal.hpp"

namespace tapehead {

using vectors::Curve;

/// 2u of Curve::gelu_tanh, and its derivative.
inline std::complex<double> gelu_tanh_argument(std::complex<double> a) {
  return 2 * 0.797884560802865355879892 * (a + 0.044715 * a * a * a);
}
inline std::complex<double> gelu_tanh_argument_slope(std::complex<double> a) {
  return 2 * 0.797884560802865355879892 * (1.0 + 3 * 0.044715 * a * a);
}

/// f(a) of one dual number.
inline std::complex<double> curve_value(Curve f, std::complex<double> a) {
  if (f == Curve::gelu) return a * normal_distribution(a);
  return a * logistic(f == Curve::silu ? a : gelu_tanh_argument(a));
}

/// f′(a) of one dual number.
inline std::complex<double> curve_slope(Curve f, std::complex<double> a) {
  if (f == Curve::gelu) return normal_distribution(a) + a * normal_density(a);
  const bool silu = f == Curve::silu;
  const std::complex<double> s = logistic(silu ? a : gelu_tanh_argument(a));
  return s + a * s * (1.0 - s) * (silu ? 1.0 : gelu_tanh_argument_slope(a));
}

}  // namespace tapehead
