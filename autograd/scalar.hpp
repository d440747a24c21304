#pragma once

#include <complex>
#include <concepts>

namespace tapehead {

/// float trains, double checks, std::complex<double> differentiates once more: on x + i·h·v the imaginary part of a
/// result is h times its derivative along v, exact to rounding (Squire & Trapp 1998; Martins et al. 2003).
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::complex<double>>;

template <class T>
concept RealScalar = std::same_as<T, float> || std::same_as<T, double>;

namespace detail {
template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
}  // namespace detail

/// The real type under a scalar; comparisons and maxima go by it.
template <Scalar T>
using Real = typename detail::RealOf<T>::type;

template <Scalar T>
constexpr Real<T> real_part(const T& x) {
  if constexpr (RealScalar<T>) {
    return x;
  } else {
    return x.real();
  }
}

}  // namespace tapehead
