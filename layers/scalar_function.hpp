#pragma once

#include <complex>
#include <concepts>
#include <type_traits>

#include "autograd/forward.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

/// One function of an `In<T>` for the three scalars, from a lambda without captures:
/// `[](const auto& in) { return scale(in.query, 2); }`. What specs of layers hold.
template <template <class> class In>
class ScalarFunction {
 public:
  ScalarFunction() = default;
  template <class F>
  requires std::is_empty_v<F> ScalarFunction(F /*f*/)  // NOLINT(google-explicit-constructor)
      : float_([](const In<float>& in) { return F{}(in); }),
        double_([](const In<double>& in) { return F{}(in); }),
        complex_([](const In<std::complex<double>>& in) { return F{}(in); }) {}

  explicit operator bool() const { return double_ != nullptr; }

  template <Scalar T>
  Var<T> operator()(const In<T>& in) const {
    if constexpr (std::same_as<T, float>) return float_(in);
    if constexpr (std::same_as<T, double>) return double_(in);
    if constexpr (std::same_as<T, std::complex<double>>) return complex_(in);
  }

 private:
  Var<float> (*float_)(const In<float>&) = nullptr;
  Var<double> (*double_)(const In<double>&) = nullptr;
  Var<std::complex<double>> (*complex_)(const In<std::complex<double>>&) = nullptr;
};

}  // namespace tapehead
