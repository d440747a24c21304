#pragma once

#include <algorithm>

#include "autograd/tape.hpp"

namespace tapehead::testing_support {

/// x, whose pullback is off by a factor 1 + e.
template <Scalar T>
Var<T> slip(Var<T> x, double e) {
  const std::int64_t count = x.shape().size();
  const auto factor = static_cast<Real<T>>(1 + e);
  T* y = x.tape().allocate(count);
  std::copy_n(x.data(), count, y);
  return x.tape().record("slip", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(count, [=](std::int64_t i) { return factor * d_y[i]; });
  });
}

}  // namespace tapehead::testing_support
