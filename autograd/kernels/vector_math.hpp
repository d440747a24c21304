#pragma once

#include <cstdint>
#include <span>

#include "autograd/scalar.hpp"

/// \file
/// Transcendental functions of whole arrays, in the widest vectors that the build is for. Each comes from one template
/// for float and double, so that checking double checks float too. Errors stay within 4 units in the last place; those
/// of gelu within 4 units of 1 + |x| from −4 on, since Φ is 1 + erf there, and within 6 of its own below. What is made
/// of an exp below the smallest normal number may be 0; NaN gives NaN. What an element becomes does not depend on where
/// in the array it stands. Input and output may be the same memory.

namespace tapehead::vectors {

/// y = exp(x − shift); returns Σ y, summed in lanes and blocks.
template <RealScalar T>
T exponentiate(const T* x, T shift, std::int64_t count, T* y);

/// The largest element. REQUIRES: count ≥ 1.
template <RealScalar T>
T largest(const T* x, std::int64_t count);

/// y = softmax(x), nothing for no elements.
template <RealScalar T>
void softmax(const T* x, std::int64_t count, T* y);

/// d = y ∘ (d − Σ y ∘ d): the gradient by y = softmax(x) becomes the one by x.
template <RealScalar T>
void softmax_pullback(const T* y, std::int64_t count, T* d);

/// Elements [begin, end) of a column.
struct Range {
  std::int32_t begin, end;
};

/// Columns of `size` elements, `stride` apart, in place: of each, what is in its range becomes its softmax, and the
/// rest zero, whatever it was. Short columns are taken several at a time.
template <RealScalar T>
void softmax_columns(std::span<const Range> ranges, std::int64_t size, std::int64_t stride, T* x);

/// The pullback of that: d, where y is what softmax_columns() made, becomes the gradient by its input.
template <RealScalar T>
void softmax_pullback_columns(std::span<const Range> ranges, std::int64_t size, std::int64_t stride, const T* y, T* d);

/// Σ a[i] · b[i], in 16 lanes that are joined in pairs, and of many elements in halves: in an order that depends on
/// `count` alone.
template <RealScalar T>
T dot(const T* a, const T* b, std::int64_t count);

/// y = exp(x).
template <RealScalar T>
void exp(const T* x, std::int64_t count, T* y);

/// y = tanh(x).
template <RealScalar T>
void tanh(const T* x, std::int64_t count, T* y);

/// y = 1 / (1 + exp(−x)).
template <RealScalar T>
void sigmoid(const T* x, std::int64_t count, T* y);

/// Smooth nonlinearities f (Hendrycks & Gimpel 2016), with σ the sigmoid and Φ(x) = (1 + erf(x / √2)) / 2.
enum class Curve {
  gelu,       ///< x · Φ(x)
  gelu_tanh,  ///< x · σ(2u), u = √(2/π) · (x + 0.044715 x³): gelu with tanh for erf, as 1 + tanh u = 2 σ(2u) (ibid.,
              ///< §2)
  silu,  ///< x · σ(x), which Ramachandran et al. 2017 call swish
};

/// y = f(x).
template <RealScalar T>
void curve(Curve f, const T* x, std::int64_t count, T* y);

/// d_x = d_y · f′(x), what f's pullback makes. Adds to d_x if `adds`.
template <RealScalar T>
void curve_pullback(Curve f, const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds);

/// y = f(x) and slope = f′(x) in one pass; slope may be the memory of x.
template <RealScalar T>
void curve_with_slope(Curve f, const T* x, std::int64_t count, T* y, T* slope);

}  // namespace tapehead::vectors
