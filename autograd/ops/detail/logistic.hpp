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

}  // namespace tapehead
