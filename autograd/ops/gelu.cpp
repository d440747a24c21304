#include "autograd/ops/gelu.hpp"

#include <cmath>
#include <numbers>

#include "autograd/ops/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// The standard normal density φ; for a dual number exp differentiates it.
template <Scalar T>
T density(T x) {
  constexpr auto kInverseRootTwoPi = static_cast<Real<T>>(0.398942280401432677939946);
  return kInverseRootTwoPi * std::exp(Real<T>(-0.5) * x * x);
}

// The standard normal distribution Φ. There is no complex erf: a dual number follows the rule Φ(x + iε) = Φ(x) + iε φ(x),
// written by hand, so that differences, not the complex step, are its independent judge.
template <Scalar T>
T distribution(T x) {
  constexpr auto kInverseRootTwo = static_cast<Real<T>>(1 / std::numbers::sqrt2);
  const Real<T> value = Real<T>(0.5) * (1 + std::erf(real_part(x) * kInverseRootTwo));
  if constexpr (RealScalar<T>) {
    return value;
  } else {
    return {value, x.imag() * density(x.real())};
  }
}

}  // namespace

template <Scalar T>
Var<T> gelu(Var<T> x) {
  return map_elements(
      "gelu", x, [](T a) { return a * distribution(a); }, [](T a, T) { return distribution(a) + a * density(a); });
}

template Var<float> gelu(Var<float>);
template Var<double> gelu(Var<double>);
template Var<std::complex<double>> gelu(Var<std::complex<double>>);

OpSpec spec_gelu() {
  return {.name = "gelu",
          .cases = {
              {"R3_C5", {{{3, 5}, -5, 5}}, [](auto x) { return gelu(x[0]); }},
              {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return gelu(x[0]); }},
          }};
}

}  // namespace tapehead
