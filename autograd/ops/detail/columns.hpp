#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "autograd/kernels/column_math.hpp"
#include "autograd/scalar.hpp"

namespace tapehead {

namespace detail {

// Σ value(i) for i in [first, first + count), a few thousand at most.
template <Scalar T, class F>
T sum_in_lanes(std::int64_t first, std::int64_t count, const F& value) {
  if constexpr (!RealScalar<T>) {
    T sum(0);
    for (std::int64_t i = 0; i < count; ++i) sum += value(first + i);
    return sum;
  } else {
    constexpr std::int64_t kLanes = 16;
    T lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += value(first + i + lane);
    }
    for (std::int64_t lane = 0; i < count; ++i, ++lane) lanes[lane] += value(first + i);
    for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
      for (std::int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
    }
    return lanes[0];
  }
}

// The same of any count, in halves (Higham 1993): the error grows with its logarithm.
template <Scalar T, class F>
[[gnu::noinline]] T sum_in_halves(std::int64_t first, std::int64_t count, const F& value) {
  constexpr std::int64_t kPiece = 4096;
  if (count <= kPiece) return sum_in_lanes<T>(first, count, value);
  const std::int64_t half = (count / 2 + kPiece - 1) / kPiece * kPiece;
  return sum_in_halves<T>(first, half, value) + sum_in_halves<T>(first + half, count - half, value);
}

}  // namespace detail

/// Σ value(i) for i in [0, count). Real numbers are summed in parallel lanes that are joined in pairs, and many of them
/// in halves: several times faster than one after another, far more accurate, and in an order that depends on `count`
/// alone.
template <Scalar T, class F>
T sum_over(std::int64_t count, F value) {
  constexpr std::int64_t kFew = 4096;
  return count <= kFew ? detail::sum_in_lanes<T>(0, count, value) : detail::sum_in_halves<T>(0, count, value);
}

/// The largest real part of a column. REQUIRES: count ≥ 1.
template <Scalar T>
Real<T> largest_of(const T* column, std::int64_t count) {
  if constexpr (RealScalar<T>) {
    return vectors::largest(column, count);
  } else {
    Real<T> largest = column[0].real();
    for (std::int64_t i = 1; i < count; ++i) largest = std::max(largest, column[i].real());
    return largest;
  }
}

/// out = exp(column − shift); returns the sum of out. The same memory may serve as both.
template <Scalar T>
T exponentiate(const T* column, Real<T> shift, std::int64_t count, T* out) {
  if constexpr (RealScalar<T>) {
    return vectors::exponentiate(column, shift, count, out);
  } else {
    return sum_over<T>(count, [=](std::int64_t i) { return out[i] = std::exp(column[i] - shift); });
  }
}

/// out = softmax(column) for count ≥ 1, nothing for 0. Subtracting the largest real part, a constant, changes neither
/// value nor derivative and keeps exp from overflowing.
template <Scalar T>
void softmax_column(const T* column, std::int64_t count, T* out) {
  if constexpr (RealScalar<T>) {
    vectors::softmax(column, count, out);
  } else if (count > 0) {
    const T inverse = T(1) / exponentiate(column, largest_of(column, count), count, out);
    for (std::int64_t i = 0; i < count; ++i) out[i] *= inverse;
  }
}

/// d = d_y becomes d_x, for y = softmax(x): d_x = y ∘ (d_y − Σ y ∘ d_y).
template <Scalar T>
void pull_softmax_column(const T* y, std::int64_t count, T* d) {
  if constexpr (RealScalar<T>) {
    vectors::softmax_pullback(y, count, d);
  } else {
    const T inner = sum_over<T>(count, [=](std::int64_t i) { return y[i] * d[i]; });
    for (std::int64_t i = 0; i < count; ++i) d[i] = y[i] * (d[i] - inner);
  }
}

/// Σ a[i] · b[i], never conjugated.
template <Scalar T>
T dot(const T* a, const T* b, std::int64_t count) {
  if constexpr (RealScalar<T>) return vectors::dot(a, b, count);
  return sum_over<T>(count, [=](std::int64_t i) { return a[i] * b[i]; });
}

}  // namespace tapehead
