#pragma once

#include <complex>

#include "autograd/ops/logistic.hpp"
#include "autograd/ops/normal.hpp"
#include "autograd/scalar.hpp"
#include "autograd/vector_math.hpp"

namespace tapehead {

/// Smooth nonlinearities f: of one dual number with their slopes f′, and of arrays of real ones. A curve serves the op
/// of its name and affine_activation.
struct GeluCurve {
  using Dual = std::complex<double>;
  static Dual value(Dual a) { return a * normal_distribution(a); }
  static Dual slope(Dual a) { return normal_distribution(a) + a * normal_density(a); }

  template <RealScalar T>
  static void values(const T* x, std::int64_t count, T* y) {
    vectors::gelu(x, count, y);
  }
  template <RealScalar T>
  static void pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds) {
    vectors::gelu_pullback(x, d_y, count, d_x, adds);
  }
  template <RealScalar T>
  static void with_slope(const T* x, std::int64_t count, T* y, T* slope) {
    vectors::gelu_with_slope(x, count, y, slope);
  }
};

struct GeluTanhCurve {
  using Dual = std::complex<double>;
  static constexpr double kTwice = 2 * 0.797884560802865355879892;  // 2 √(2/π)
  static constexpr double kCubic = 0.044715;
  static Dual share(Dual a) { return logistic(kTwice * (a + kCubic * a * a * a)); }
  static Dual value(Dual a) { return a * share(a); }
  static Dual slope(Dual a) {
    const Dual s = share(a);
    return s + a * s * (1.0 - s) * kTwice * (1.0 + 3 * kCubic * a * a);
  }

  template <RealScalar T>
  static void values(const T* x, std::int64_t count, T* y) {
    vectors::gelu_tanh(x, count, y);
  }
  template <RealScalar T>
  static void pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds) {
    vectors::gelu_tanh_pullback(x, d_y, count, d_x, adds);
  }
  template <RealScalar T>
  static void with_slope(const T* x, std::int64_t count, T* y, T* slope) {
    vectors::gelu_tanh_with_slope(x, count, y, slope);
  }
};

struct SiluCurve {
  using Dual = std::complex<double>;
  static Dual value(Dual a) { return a * logistic(a); }
  static Dual slope(Dual a) {
    const Dual s = logistic(a);
    return s + a * s * (1.0 - s);
  }

  template <RealScalar T>
  static void values(const T* x, std::int64_t count, T* y) {
    vectors::silu(x, count, y);
  }
  template <RealScalar T>
  static void pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds) {
    vectors::silu_pullback(x, d_y, count, d_x, adds);
  }
  template <RealScalar T>
  static void with_slope(const T* x, std::int64_t count, T* y, T* slope) {
    vectors::silu_with_slope(x, count, y, slope);
  }
};

}  // namespace tapehead
