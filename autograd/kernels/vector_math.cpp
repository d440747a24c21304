#include "autograd/kernels/vector_math.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "autograd/kernels/lanes.hpp"

namespace tapehead::vectors {
namespace {

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

// The last elements of an array as a whole vector, padded with zeros, so that they meet the same instructions.
template <class T>
class Tail {
 public:
  explicit Tail(std::int64_t count) : lanes_(count) {}
  Tail(std::int64_t begin, std::int64_t end) : lanes_(begin, end) {}
  Batch<T> load(const T* from) const { return batch_of<T>(lanes_.load(from)); }
  void store(Batch<T> values, T* to) const { lanes_.store(bits_of<T>(values), to); }
  // Those of `values` in the lanes there are, `other` elsewhere.
  Batch<T> select(Batch<T> values, Batch<T> other) const {
    return batch_of<T>(lanes_.select(bits_of<T>(values), bits_of<T>(other)));
  }

 private:
  Lanes<T, sizeof(Batch<T>)> lanes_;
};

// y = f(x).
template <class T, class F>
void map(const T* x, std::int64_t count, T* y, F f) {
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) f(Batch<T>::load_unaligned(x + i)).store_unaligned(y + i);
  if (i == count) return;
  const Tail<T> tail(count - i);
  tail.store(f(tail.load(x + i)), y + i);
}

// The lanes joined in pairs, those of the upper half to those of the lower one, until one is left.
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

// Columns that are one vector each, taken at the same time: all are read before any is written, so that none waits for
// the memory of its neighbour.
constexpr std::size_t kTogether = 4;

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
Point<T> gelu_tanh_at(Batch<T> a) {
  constexpr auto kTwice = static_cast<T>(2 * 0.797884560802865355879892);  // 2 √(2/π)
  constexpr auto kCubic = static_cast<T>(0.044715);
  const Batch<T> square = a * a;
  const auto [s, rest] = logistic_shares<T>(kTwice * a * (T(1) + kCubic * square));
  return {a * s, s * (T(1) + a * rest * kTwice * (T(1) + T(3) * kCubic * square))};
}

template <class T>
Point<T> silu_at(Batch<T> a) {
  const auto [s, rest] = logistic_shares<T>(a);
  return {a * s, s * (T(1) + a * rest)};
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
  }
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
    const Tail<T> tail(count - i);
    const Batch<T> value = xsimd::exp(tail.load(x + i) - shift);
    tail.store(value, y + i);
    total += tail.select(value, Batch<T>(T(0)));
  }
  return xsimd::hadd(total);
}

template <RealScalar T>
T largest(const T* x, std::int64_t count) {
  Batch<T> most(x[0]);
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) most = xsimd::max(most, Batch<T>::load_unaligned(x + i));
  if (i < count) {
    const Tail<T> tail(count - i);
    most = xsimd::max(most, tail.select(tail.load(x + i), most));
  }
  return fold<T>(most, larger<T>);
}

template <RealScalar T>
void softmax(const T* x, std::int64_t count, T* y) {
  if (count == 0) return;
  const T inverse = T(1) / exponentiate(x, largest(x, count), count, y);
  map(y, count, y, [inverse](Batch<T> e) { return e * inverse; });
}

template <RealScalar T>
void softmax_columns(std::span<const Range> ranges, std::int64_t size, std::int64_t stride, T* x) {
  if (size > kWidth<T>) {
    for (const Range& range : ranges) {
      std::fill(x, x + range.begin, T(0));
      softmax(x + range.begin, range.end - range.begin, x + range.begin);
      std::fill(x + range.end, x + size, T(0));
      x += stride;
    }
    return;
  }
  const Tail<T> whole(size);
  const Batch<T> nothing(T(0));
  for (std::size_t first = 0; first < ranges.size(); first += kTogether) {
    const auto range_of = [&](std::size_t c) { return ranges[std::min(first + c, ranges.size() - 1)]; };
    const auto column_of = [&](std::size_t c) {
      return x + static_cast<std::int64_t>(std::min(first + c, ranges.size() - 1)) * stride;
    };
    Batch<T> values[kTogether];
    T sums[kTogether];
    for (std::size_t c = 0; c < kTogether; ++c) {
      const Tail<T> tail(range_of(c).begin, range_of(c).end);
      values[c] = tail.select(tail.load(column_of(c)), Batch<T>(std::numeric_limits<T>::lowest()));
    }
    for (Batch<T>& v : values) v = xsimd::exp(v - fold<T>(v, larger<T>));
    for (std::size_t c = 0; c < kTogether; ++c) {
      values[c] = Tail<T>(range_of(c).begin, range_of(c).end).select(values[c], nothing);
      sums[c] = xsimd::hadd(values[c]);
    }
    for (std::size_t c = 0; c < kTogether && first + c < ranges.size(); ++c) {
      whole.store(values[c] * (T(1) / std::max(sums[c], std::numeric_limits<T>::min())), column_of(c));
    }
  }
}

template <RealScalar T>
void softmax_pullback_columns(std::span<const Range> ranges, std::int64_t size, std::int64_t stride, const T* y, T* d) {
  if (size > kWidth<T>) {
    for (const Range& range : ranges) {
      std::fill(d, d + range.begin, T(0));
      softmax_pullback(y + range.begin, range.end - range.begin, d + range.begin);
      std::fill(d + range.end, d + size, T(0));
      y += stride;
      d += stride;
    }
    return;
  }
  const Tail<T> whole(size);
  for (std::size_t first = 0; first < ranges.size(); first += kTogether) {
    const auto column_of = [&](std::size_t c) { return std::min(first + c, ranges.size() - 1); };
    Batch<T> weights[kTogether];
    Batch<T> gradients[kTogether];
    for (std::size_t c = 0; c < kTogether; ++c) {
      const std::size_t column = column_of(c);
      const Tail<T> tail(ranges[column].begin, ranges[column].end);
      weights[c] = tail.load(y + static_cast<std::int64_t>(column) * stride);
      gradients[c] = tail.load(d + static_cast<std::int64_t>(column) * stride);
    }
    for (std::size_t c = 0; c < kTogether; ++c) {
      // Rounded as in dot(): a product in plain sight might be fused into the first of the sums.
      const Batch<T> products = xsimd::fma(weights[c], gradients[c], Batch<T>(T(0)));
      gradients[c] = weights[c] * (gradients[c] - fold<T>(products, total<T>));
    }
    for (std::size_t c = 0; c < kTogether && first + c < ranges.size(); ++c) {
      whole.store(gradients[c], d + static_cast<std::int64_t>(column_of(c)) * stride);
    }
  }
}

template <RealScalar T>
T dot(const T* a, const T* b, std::int64_t count) {
  // Higham 1993: in halves, the error grows with the logarithm of the count.
  constexpr std::int64_t kPiece = 4096;
  if (count > kPiece) {
    const std::int64_t half = (count / 2 + kPiece - 1) / kPiece * kPiece;
    return dot(a, b, half) + dot(a + half, b + half, count - half);
  }
  constexpr int kBatches = static_cast<int>(16 / kWidth<T>);
  Batch<T> sums[kBatches];
  for (Batch<T>& sum : sums) sum = Batch<T>(T(0));
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int v = 0; v < kBatches; ++v) {
      const std::int64_t at = i + v * kWidth<T>;
      sums[v] = xsimd::fma(Batch<T>::load_unaligned(a + at), Batch<T>::load_unaligned(b + at), sums[v]);
    }
  }
  for (int v = 0; v < kBatches && i + v * kWidth<T> < count; ++v) {
    const std::int64_t at = i + v * kWidth<T>;
    const Tail<T> tail(count - at);
    sums[v] = xsimd::fma(tail.load(a + at), tail.load(b + at), sums[v]);
  }
  for (int half = kBatches / 2; half > 0; half /= 2) {
    for (int v = 0; v < half; ++v) sums[v] += sums[v + half];
  }
  return fold<T>(sums[0], total<T>);
}

template <RealScalar T>
void softmax_pullback(const T* y, std::int64_t count, T* d) {
  const T inner = dot(y, d, count);
  std::int64_t i = 0;
  for (; i + kWidth<T> <= count; i += kWidth<T>) {
    (Batch<T>::load_unaligned(y + i) * (Batch<T>::load_unaligned(d + i) - inner)).store_unaligned(d + i);
  }
  if (i == count) return;
  const Tail<T> tail(count - i);
  tail.store(tail.load(y + i) * (tail.load(d + i) - inner), d + i);
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

template float exponentiate(const float*, float, std::int64_t, float*);
template double exponentiate(const double*, double, std::int64_t, double*);
template double largest(const double*, std::int64_t);
template void softmax(const double*, std::int64_t, double*);
template double dot(const double*, const double*, std::int64_t);
template void softmax_pullback(const double*, std::int64_t, double*);
template float largest(const float*, std::int64_t);
template void softmax(const float*, std::int64_t, float*);
template float dot(const float*, const float*, std::int64_t);
template void softmax_pullback(const float*, std::int64_t, float*);
template void softmax_columns(std::span<const Range>, std::int64_t, std::int64_t, double*);
template void softmax_pullback_columns(std::span<const Range>, std::int64_t, std::int64_t, const double*, double*);
template void softmax_columns(std::span<const Range>, std::int64_t, std::int64_t, float*);
template void softmax_pullback_columns(std::span<const Range>, std::int64_t, std::int64_t, const float*, float*);
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
