#include "autograd/kernels/vector_math.hpp"

#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <type_traits>

#include "autograd/kernels/detail/batches.hpp"

namespace tapehead::vectors {
namespace {

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

// φ of an x whose square is given.
template <class T>
Batch<T> density(Batch<T> square) {
  constexpr auto kInverseRootTwoPi = static_cast<T>(0.398942280401432677939946);
  return kInverseRootTwoPi * xsimd::exp(T(-0.5) * square);
}

// Below this 1 + erf has lost so many of its digits, all of them in the end, that Φ is made in another way.
template <class T>
constexpr T kFarBelow = T(-4);

template <class T>
struct Normal {
  Batch<T> distribution, density;
};

// The first half of the digits of each element, so that its square is exact.
template <class T>
Batch<T> leading_half(Batch<T> a) {
  using Bits = std::conditional_t<std::same_as<T, float>, std::uint32_t, std::uint64_t>;
  constexpr int kRest = std::same_as<T, float> ? 12 : 27;
  const Batch<Bits> mask(static_cast<Bits>(~Bits(0) << kRest));
  return xsimd::bitwise_cast<Batch<T>>(xsimd::bitwise_cast<Batch<Bits>>(a) & mask);
}

// Φ = φ · R with Mills' ratio by Laplace's continued fraction, R = 1 / (t + 1 / (t + 2 / (t + 3 / …))), t = −a > 0
// (Abramowitz & Stegun 1964, 26.2.14): all its terms are positive, so it is as good as its last step. What is cut off
// is taken for a fraction all of whose numerators are the next one. exp makes a relative error of an absolute one, so φ
// is mended by what `square`, a² in one number, leaves of a².
template <class T>
Normal<T> normal_far_below(Batch<T> a, Batch<T> square, Batch<T> density) {
  constexpr int kTerms = std::same_as<T, float> ? 6 : 24;
  const Batch<T> nothing(std::same_as<T, float> ? T(-20) : T(-45));  // both are 0 there, and squares end further on
  const Batch<T> half = leading_half<T>(a);
  const Batch<T> rest = a - half;
  const Batch<T> left = ((half * half - square) + T(2) * half * rest) + rest * rest;
  const Batch<T> right = xsimd::select(a > nothing, density - density * (T(0.5) * left), density);
  const Batch<T> t = -xsimd::max(a, nothing);
  Batch<T> fraction = T(0.5) * (t + xsimd::sqrt(t * t + T(4 * (kTerms + 1))));
  for (int k = kTerms; k > 0; --k) fraction = t + T(k) / fraction;
  return {right / fraction, right};
}

// exp is taken of what is not positive only: it cannot overflow. The square of a root reaches numbers below the
// smallest normal one.
template <class T>
Batch<T> logistic(Batch<T> a) {
  constexpr T kSmall = std::same_as<T, float> ? T(80) : T(700);
  const Batch<T> size = xsimd::abs(a);
  const Batch<T> root = xsimd::exp(T(-0.5) * size);
  const Batch<T> e = xsimd::select(size > Batch<T>(kSmall), root * root, xsimd::exp(-size));
  return xsimd::select(a < Batch<T>(T(0)), e, Batch<T>(T(1))) / (T(1) + e);
}

// σ(u) and 1 − σ(u), both right to their last digits wherever they are small.
template <class T>
struct Shares {
  Batch<T> share, rest;
};

template <class T>
Shares<T> logistic_shares(Batch<T> u) {
  const Batch<T> e = xsimd::exp(-xsimd::abs(u));
  const Batch<T> larger = T(1) / (T(1) + e);
  const Batch<T> smaller = e * larger;
  const auto negative = u < Batch<T>(T(0));
  return {xsimd::select(negative, smaller, larger), xsimd::select(negative, larger, smaller)};
}

// A curve at one vector, and its derivative there; what both need is made once.
template <class T>
struct Point {
  Batch<T> value, slope;
};

template <class T>
Point<T> gelu_at(Batch<T> a) {
  const Batch<T> square = a * a;
  Normal<T> normal{distribution<T>(a), density<T>(square)};
  if (const auto far = a < Batch<T>(kFarBelow<T>); xsimd::any(far)) [[unlikely]] {
    const Normal<T> below = normal_far_below<T>(a, square, normal.density);
    normal.distribution = xsimd::select(far, below.distribution, normal.distribution);
    normal.density = xsimd::select(far, below.density, normal.density);
  }
  return {a * normal.distribution, normal.distribution + a * normal.density};
}

template <class T>
constexpr T kFarOut = T(1e8);

template <class T>
Point<T> gelu_tanh_at(Batch<T> a) {
  constexpr auto kTwice = static_cast<T>(2 * 0.797884560802865355879892);  // 2 √(2/π)
  constexpr auto kCubic = static_cast<T>(0.044715);
  // Far out, where s is 0 or 1, no power may overflow: infinity times 0 is no number.
  const Batch<T> b = xsimd::clip(a, Batch<T>(-kFarOut<T>), Batch<T>(kFarOut<T>));
  const Batch<T> square = b * b;
  const auto [s, rest] = logistic_shares<T>(kTwice * b * (T(1) + kCubic * square));
  return {a * s, s * (T(1) + b * rest * kTwice * (T(1) + T(3) * kCubic * square))};
}

template <class T>
Point<T> silu_at(Batch<T> a) {
  const auto [s, rest] = logistic_shares<T>(a);
  return {a * s, s * (T(1) + a * rest)};
}

template <class T>
Point<T> sigmoid_at(Batch<T> a) {
  const auto [s, rest] = logistic_shares<T>(a);
  return {s, s * rest};
}

template <class T>
Point<T> tanh_at(Batch<T> a) {
  const auto [s, rest] = logistic_shares<T>(T(2) * a);  // tanh′ a = 4 σ(2a) σ(−2a), right where it is small
  return {xsimd::tanh(a), T(4) * s * rest};
}

// d_x (+)= d_y · f′(x).
template <class T, class F>
void map_pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds, F at) {
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) {
    Batch<T> value = Batch<T>::load_unaligned(d_y + i) * at(Batch<T>::load_unaligned(x + i)).slope;
    if (adds) value += Batch<T>::load_unaligned(d_x + i);
    value.store_unaligned(d_x + i);
  }
  if (i == count) return;
  const Tail<T> tail(count - i);
  Batch<T> value = tail.load(d_y + i) * at(tail.load(x + i)).slope;
  if (adds) value += tail.load(d_x + i);
  tail.store(value, d_x + i);
}

// y = f(x), slope = f′(x).
template <class T, class F>
void map_with_slope(const T* x, std::int64_t count, T* y, T* slope, F at) {
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) {
    const Point<T> found = at(Batch<T>::load_unaligned(x + i));
    found.value.store_unaligned(y + i);
    found.slope.store_unaligned(slope + i);
  }
  if (i == count) return;
  const Tail<T> tail(count - i);
  const Point<T> found = at(tail.load(x + i));
  tail.store(found.value, y + i);
  tail.store(found.slope, slope + i);
}

// Calls use(at) with the function that makes the points of the curve.
template <class T, class F>
void with_points_of(Curve f, F use) {
  switch (f) {
    case Curve::gelu:
      return use(gelu_at<T>);
    case Curve::gelu_tanh:
      return use(gelu_tanh_at<T>);
    case Curve::silu:
      return use(silu_at<T>);
    case Curve::sigmoid:
      return use(sigmoid_at<T>);
    case Curve::tanh:
      return use(tanh_at<T>);
  }
}

}  // namespace

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
  map(x, count, y, logistic<T>);
}

template <RealScalar T>
void curve(Curve f, const T* x, std::int64_t count, T* y) {
  with_points_of<T>(f, [=](auto at) { map(x, count, y, [=](Batch<T> a) { return at(a).value; }); });
}

template <RealScalar T>
void curve_pullback(Curve f, const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds) {
  with_points_of<T>(f, [=](auto at) { map_pullback(x, d_y, count, d_x, adds, at); });
}

template <RealScalar T>
void curve_with_slope(Curve f, const T* x, std::int64_t count, T* y, T* slope) {
  with_points_of<T>(f, [=](auto at) { map_with_slope(x, count, y, slope, at); });
}

template void exp(const float*, std::int64_t, float*);
template void exp(const double*, std::int64_t, double*);
template void tanh(const float*, std::int64_t, float*);
template void tanh(const double*, std::int64_t, double*);
template void sigmoid(const float*, std::int64_t, float*);
template void sigmoid(const double*, std::int64_t, double*);
template void curve(Curve, const float*, std::int64_t, float*);
template void curve(Curve, const double*, std::int64_t, double*);
template void curve_pullback(Curve, const float*, const float*, std::int64_t, float*, bool);
template void curve_pullback(Curve, const double*, const double*, std::int64_t, double*, bool);
template void curve_with_slope(Curve, const float*, std::int64_t, float*, float*);
template void curve_with_slope(Curve, const double*, std::int64_t, double*, double*);

}  // namespace tapehead::vectors
