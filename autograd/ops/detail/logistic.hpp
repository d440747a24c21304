#pragma once

#include <cmath>

#include "autograd/scalar.hpp"

namespace tapehead {

/// σ(a) = 1 / (1 + exp(−a)) of one number, real or dual. exp is only taken of what is not positive: it cannot overflow.
template <Scalar T>
T logistic(T a) {
  if (real_part(a) >= 0) return T(1) / (T(1) + std::exp(-a));
  const T e = std::exp(a);
  return e / (T(1) + e);
}

/// log σ(a), which is a itself far below zero, and does not lose what little it is far above.
template <Scalar T>
T log_logistic(T a) {
  const auto log_of_one_more = [](const T& e) {
    if constexpr (RealScalar<T>) return std::log1p(e);
    if constexpr (!RealScalar<T>) return std::log(T(1) + e);
  };
  return real_part(a) >= 0 ? -log_of_one_more(std::exp(-a)) : a - log_of_one_more(std::exp(a));
}

}  // namespace tapehead
