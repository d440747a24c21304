#pragma once

#include <cstdint>
#include <span>

#include "autograd/scalar.hpp"

/// \file
/// Functions of whole columns, for float and double, in the widest vectors that the build is for. The order in which a
/// column is summed depends on its length alone.

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

}  // namespace tapehead::vectors
