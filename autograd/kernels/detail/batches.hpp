#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "autograd/kernels/lanes.hpp"

/// \file
/// What vector_math.cpp and column_math.cpp share: vectors of the width that the build is for, and the ends of arrays.

namespace tapehead::vectors {

template <class T>
using Batch = xsimd::batch<T>;

template <class T>
constexpr std::int64_t kWidth = static_cast<std::int64_t>(Batch<T>::size);

template <class T>
using Register = typename Lanes<T, sizeof(Batch<T>)>::Vector;

template <class T>
Register<T> bits_of(Batch<T> values) {
  return std::bit_cast<Register<T>>(values.data);
}

template <class T>
Batch<T> batch_of(Register<T> values) {
  return std::bit_cast<typename Batch<T>::register_type>(values);
}

/// The last elements of an array as a whole vector, padded with zeros, so that they meet the same instructions.
template <class T>
class Tail {
 public:
  explicit Tail(std::int64_t count) : lanes_(count) {}
  Tail(std::int64_t begin, std::int64_t end) : lanes_(begin, end) {}
  Batch<T> load(const T* from) const { return batch_of<T>(lanes_.load(from)); }
  void store(Batch<T> values, T* to) const { lanes_.store(bits_of<T>(values), to); }
  /// Those of `values` in the lanes there are, `other` elsewhere.
  Batch<T> select(Batch<T> values, Batch<T> other) const {
    return batch_of<T>(lanes_.select(bits_of<T>(values), bits_of<T>(other)));
  }

 private:
  Lanes<T, sizeof(Batch<T>)> lanes_;
};

/// A vector that is there in full.
template <class T>
struct Whole {
  Batch<T> load(const T* from) const { return Batch<T>::load_unaligned(from); }
  void store(Batch<T> values, T* to) const { values.store_unaligned(to); }
};

/// f(i, part) for every vector of an array of `count` elements: element i is its first, and `part` loads and stores it.
template <class T, class F>
void for_each_batch(std::int64_t count, F f) {
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) f(i, Whole<T>{});
  if (i < count) f(i, Tail<T>(count - i));
}

/// y = f(x).
template <class T, class F>
void map(const T* x, std::int64_t count, T* y, F f) {
  for_each_batch<T>(count, [=](std::int64_t i, auto part) { part.store(f(part.load(x + i)), y + i); });
}

/// The lanes joined in pairs, those of the upper half to those of the lower one, until one is left.
template <class T, int Width = static_cast<int>(kWidth<T>) / 2, class F>
T fold(Batch<T> values, F join) {
  const auto swapped = [&]<int... Lane>(std::integer_sequence<int, Lane...>) {
    const Register<T> v = bits_of<T>(values);
    return batch_of<T>(__builtin_shufflevector(v, v, (Lane ^ Width)...));
  };
  const Batch<T> joined = join(values, swapped(std::make_integer_sequence<int, static_cast<int>(kWidth<T>)>{}));
  if constexpr (Width > 1) {
    return fold<T, Width / 2>(joined, join);
  } else {
    return joined.get(0);
  }
}

template <class T>
Batch<T> larger(Batch<T> a, Batch<T> b) {
  return xsimd::max(a, b);
}

template <class T>
Batch<T> total(Batch<T> a, Batch<T> b) {
  return a + b;
}

}  // namespace tapehead::vectors
