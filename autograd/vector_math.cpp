#include "autograd/vector_math.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <xsimd/xsimd.hpp>

namespace tapehead::vectors {
namespace {

template <class T>
using Batch = xsimd::batch<T>;

template <class T>
constexpr std::int64_t kWidth = static_cast<std::int64_t>(Batch<T>::size);

// The last elements of an array as a whole vector, padded with zeros, so that they meet the same instructions.
template <class T>
class Tail {
 public:
  Tail(const T* from, std::int64_t count) { std::copy_n(from, count, part_); }
  Batch<T> load() const { return Batch<T>::load_aligned(part_); }
  static void store(Batch<T> values, T* to, std::int64_t count) {
    alignas(64) T part[kWidth<T>];
    values.store_aligned(part);
    std::copy_n(part, count, to);
  }

 private:
  alignas(64) T part_[kWidth<T>] = {};
};

// y = f(x).
template <class T, class F>
void map(const T* x, std::int64_t count, T* y, F f) {
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) f(Batch<T>::load_unaligned(x + i)).store_unaligned(y + i);
  if (i < count) Tail<T>::store(f(Tail<T>(x + i, count - i).load()), y + i, count - i);
}

// xsimd's erf errs by 2 units in float, but by 68 in double, where numbers are there to be checked.
Batch<float> erf(Batch<float> x) { return xsimd::erf(x); }

Batch<double> erf(Batch<double> x) {
  alignas(64) double lanes[kWidth<double>];
  x.store_aligned(lanes);
  for (double& lane : lanes) lane = std::erf(lane);
  return Batch<double>::load_aligned(lanes);
}

template <class T>
Batch<T> distribution(Batch<T> x) {
  return T(0.5) * (T(1) + erf(x * static_cast<T>(1 / std::numbers::sqrt2)));
}

template <class T>
Batch<T> density(Batch<T> x) {
  constexpr auto kInverseRootTwoPi = static_cast<T>(0.398942280401432677939946);
  return kInverseRootTwoPi * xsimd::exp(T(-0.5) * x * x);
}

}  // namespace

template <RealScalar T>
T exponentiate(const T* x, T shift, std::int64_t count, T* y) {
  // Vectors that are summed into one before it is added to the total: a sum of sums loses less.
  constexpr std::int64_t kBlock = 32 * kWidth<T>;
  Batch<T> total(T(0));
  std::int64_t i = 0;
  while (i + kWidth<T> <= count) {
    Batch<T> sum(T(0));
    for (const std::int64_t end = std::min(i + kBlock, count); i + kWidth<T> <= end; i += kWidth<T>) {
      const Batch<T> value = xsimd::exp(Batch<T>::load_unaligned(x + i) - shift);
      value.store_unaligned(y + i);
      sum += value;
    }
    total += sum;
  }
  if (i < count) {
    Tail<T>::store(xsimd::exp(Tail<T>(x + i, count - i).load() - shift), y + i, count - i);
    total += Tail<T>(y + i, count - i).load();
  }
  return xsimd::hadd(total);
}

template <RealScalar T>
void exp(const T* x, std::int64_t count, T* y) {
  map(x, count, y, [](Batch<T> a) { return xsimd::exp(a); });
}

template <RealScalar T>
void tanh(const T* x, std::int64_t count, T* y) {
  map(x, count, y, [](Batch<T> a) { return xsimd::tanh(a); });
}

template <RealScalar T>
void sigmoid(const T* x, std::int64_t count, T* y) {
  // exp is taken of what is not positive only: it cannot overflow. The square of a root reaches numbers below the smallest
  // normal one.
  constexpr T kSmall = std::same_as<T, float> ? T(80) : T(700);
  map(x, count, y, [](Batch<T> a) {
    const Batch<T> size = xsimd::abs(a);
    const Batch<T> root = xsimd::exp(T(-0.5) * size);
    const Batch<T> e = xsimd::select(size > Batch<T>(kSmall), root * root, xsimd::exp(-size));
    return xsimd::select(a < Batch<T>(T(0)), e, Batch<T>(T(1))) / (T(1) + e);
  });
}

template <RealScalar T>
void gelu(const T* x, std::int64_t count, T* y) {
  map(x, count, y, [](Batch<T> a) { return a * distribution<T>(a); });
}

template <RealScalar T>
void gelu_pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds) {
  const auto slope = [](Batch<T> a) { return distribution<T>(a) + a * density<T>(a); };
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) {
    Batch<T> value = Batch<T>::load_unaligned(d_y + i) * slope(Batch<T>::load_unaligned(x + i));
    if (adds) value += Batch<T>::load_unaligned(d_x + i);
    value.store_unaligned(d_x + i);
  }
  if (i == count) return;
  const std::int64_t left = count - i;
  Batch<T> value = Tail<T>(d_y + i, left).load() * slope(Tail<T>(x + i, left).load());
  if (adds) value += Tail<T>(d_x + i, left).load();
  Tail<T>::store(value, d_x + i, left);
}

template <RealScalar T>
void gelu_with_slope(const T* x, std::int64_t count, T* y, T* slope) {
  const auto slope_of = [](Batch<T> a, Batch<T> phi) { return phi + a * density<T>(a); };
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) {
    const Batch<T> a = Batch<T>::load_unaligned(x + i);
    const Batch<T> phi = distribution<T>(a);
    (a * phi).store_unaligned(y + i);
    slope_of(a, phi).store_unaligned(slope + i);
  }
  if (i == count) return;
  const Batch<T> a = Tail<T>(x + i, count - i).load();
  const Batch<T> phi = distribution<T>(a);
  Tail<T>::store(a * phi, y + i, count - i);
  Tail<T>::store(slope_of(a, phi), slope + i, count - i);
}

template float exponentiate(const float*, float, std::int64_t, float*);
template double exponentiate(const double*, double, std::int64_t, double*);
template void exp(const float*, std::int64_t, float*);
template void exp(const double*, std::int64_t, double*);
template void tanh(const float*, std::int64_t, float*);
template void tanh(const double*, std::int64_t, double*);
template void sigmoid(const float*, std::int64_t, float*);
template void sigmoid(const double*, std::int64_t, double*);
template void gelu(const float*, std::int64_t, float*);
template void gelu(const double*, std::int64_t, double*);
template void gelu_pullback(const float*, const float*, std::int64_t, float*, bool);
template void gelu_pullback(const double*, const double*, std::int64_t, double*, bool);
template void gelu_with_slope(const float*, std::int64_t, float*, float*);
template void gelu_with_slope(const double*, std::int64_t, double*, double*);

}  // namespace tapehead::vectors
