#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

/// What ops of linear attention share: φ(x) = elu(x) + 1, and values with a 1 below, so that one product sums the
/// values and what they are divided by.

/// y = φ(x), in other memory than x.
template <Scalar T>
void positive_features(const T* x, std::int64_t count, T* y) {
  if constexpr (RealScalar<T>) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = std::min(x[i], T(0));
    vectors::exp(y, count, y);
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] > 0 ? x[i] + T(1) : y[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i].real() > 0 ? x[i] + T(1) : std::exp(x[i]);
  }
}

/// d = d_φ becomes d_x; φ is its own slope where x ≤ 0.
template <Scalar T>
void pull_positive_features(const T* x, const T* features, std::int64_t count, T* d) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (real_part(x[i]) <= 0) d[i] *= features[i];
  }
}

/// Columns (rows, n), the first `stride` apart, become (rows + 1, n) with a 1 below.
template <Scalar T>
void with_ones(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t n, T* y) {
  for (std::int64_t t = 0; t < n; ++t) {
    std::copy_n(x + t * stride, rows, y + t * (rows + 1));
    y[rows + t * (rows + 1)] = T(1);
  }
}

/// y = column[0 … rows − 1] / column[rows], or zero where that is zero.
template <Scalar T>
void divide_by_last(const T* column, std::int64_t rows, T* y) {
  const T total = column[rows];
  for (std::int64_t i = 0; i < rows; ++i) y[i] = real_part(total) > 0 ? column[i] / total : T(0);
}

/// The gradient d_column (rows + 1) by d_y (rows).
template <Scalar T>
void pull_divide_by_last(const T* column, const T* d_y, std::int64_t rows, T* d_column) {
  const T total = column[rows];
  std::fill_n(d_column, rows + 1, T(0));
  if (!(real_part(total) > 0)) return;
  const T inverse = T(1) / total;
  for (std::int64_t i = 0; i < rows; ++i) {
    d_column[i] = d_y[i] * inverse;
    d_column[rows] -= d_column[i] * column[i] * inverse;
  }
}

}  // namespace tapehead
