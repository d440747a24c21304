#pragma once

#include <cmath>
#include <complex>
#include <numbers>

namespace tapehead {

/// The standard normal density φ of a dual number; exp differentiates it.
inline std::complex<double> normal_density(std::complex<double> x) {
  constexpr double kInverseRootTwoPi = 0.398942280401432677939946;
  return kInverseRootTwoPi * std::exp(-0.5 * x * x);
}

/// The standard normal distribution Φ of a dual number. There is no complex erf: it follows the rule
/// Φ(x + iε) = Φ(x) + iε φ(x), written by hand, so that differences, not the complex step, are its independent judge.
inline std::complex<double> normal_distribution(std::complex<double> x) {
  const double at = x.real() / std::numbers::sqrt2;
  const double value = 0.5 * (x.real() < -4 ? std::erfc(-at) : 1 + std::erf(at));  // as in vector_math.cpp
  return {value, x.imag() * normal_density(x.real()).real()};
}

}  // namespace tapehead
