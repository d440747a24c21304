#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "autograd/scalar.hpp"

namespace tapehead {

/// The largest real part of a column. REQUIRES: count ≥ 1.
template <Scalar T>
Real<T> largest_of(const T* column, std::int64_t count) {
  Real<T> largest = real_part(column[0]);
  for (std::int64_t i = 1; i < count; ++i) largest = std::max(largest, real_part(column[i]));
  return largest;
}

/// out = exp(column − shift); returns the sum of out. The same memory may serve as both.
template <Scalar T>
T exponentiate(const T* column, Real<T> shift, std::int64_t count, T* out) {
  T total(0);
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = std::exp(column[i] - shift);
    total += out[i];
  }
  return total;
}

/// out = softmax(column) for count ≥ 1, nothing for 0. Subtracting the largest real part, a constant, changes neither
/// value nor derivative and keeps exp from overflowing.
template <Scalar T>
void softmax_column(const T* column, std::int64_t count, T* out) {
  if (count == 0) return;
  const T inverse = T(1) / exponentiate(column, largest_of(column, count), count, out);
  for (std::int64_t i = 0; i < count; ++i) out[i] *= inverse;
}

/// Σ a[i] · b[i], never conjugated.
template <Scalar T>
T dot(const T* a, const T* b, std::int64_t count) {
  T sum(0);
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace tapehead
