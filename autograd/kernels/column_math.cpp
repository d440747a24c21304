#include "autograd/kernels/column_math.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "autograd/kernels/detail/batches.hpp"

namespace tapehead::vectors {
namespace {

// Columns that are one vector each, taken at the same time: all are read before any is written, so that none waits for
// the memory of its neighbour.
constexpr std::size_t kTogether = 4;

template <class T, std::size_t N>
using Sums = std::array<Batch<T>, N>;

// N sums over [first, first + count), in 16 lanes that are joined in pairs, and of many elements in halves (Higham
// 1993: the error grows with the logarithm of the count). add(i, part, sums) adds the vector of elements from i on.
template <class T, std::size_t N, class F>
std::array<T, N> sums_over(std::int64_t first, std::int64_t count, const F& add) {
  constexpr std::int64_t kPiece = 4096;
  std::array<T, N> totals;
  if (count > kPiece) {
    const std::int64_t half = (count / 2 + kPiece - 1) / kPiece * kPiece;
    totals = sums_over<T, N>(first, half, add);
    const std::array<T, N> others = sums_over<T, N>(first + half, count - half, add);
    for (std::size_t n = 0; n < N; ++n) totals[n] += others[n];
    return totals;
  }
  constexpr int kBatches = static_cast<int>(16 / kWidth<T>);
  std::array<Sums<T, N>, kBatches> sums;
  for (Sums<T, N>& lanes : sums) lanes.fill(Batch<T>(T(0)));
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int v = 0; v < kBatches; ++v) add(first + i + v * kWidth<T>, Whole<T>{}, sums[v]);
  }
  for (int v = 0; v < kBatches && i + v * kWidth<T> < count; ++v) {
    add(first + i + v * kWidth<T>, Tail<T>(count - i - v * kWidth<T>), sums[v]);
  }
  for (std::size_t n = 0; n < N; ++n) {
    for (int half = kBatches / 2; half > 0; half /= 2) {
      for (int v = 0; v < half; ++v) sums[v][n] += sums[v + half][n];
    }
    totals[n] = fold<T>(sums[0][n], total<T>);
  }
  return totals;
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
T dot(const T* a, const T* b, std::int64_t count) {
  return sums_over<T, 1>(0, count, [=](std::int64_t i, auto part, Sums<T, 1>& sums) {
    sums[0] = xsimd::fma(part.load(a + i), part.load(b + i), sums[0]);
  })[0];
}

template <RealScalar T>
void softmax_pullback(const T* y, std::int64_t count, T* d) {
  const T inner = dot(y, d, count);
  for_each_batch<T>(
      count, [=](std::int64_t i, auto part) { part.store(part.load(y + i) * (part.load(d + i) - inner), d + i); });
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

template float exponentiate(const float*, float, std::int64_t, float*);
template float largest(const float*, std::int64_t);
template float dot(const float*, const float*, std::int64_t);
template void softmax(const float*, std::int64_t, float*);
template void softmax_pullback(const float*, std::int64_t, float*);
template void softmax_columns(std::span<const Range>, std::int64_t, std::int64_t, float*);
template void softmax_pullback_columns(std::span<const Range>, std::int64_t, std::int64_t, const float*, float*);
template double exponentiate(const double*, double, std::int64_t, double*);
template double largest(const double*, std::int64_t);
template double dot(const double*, const double*, std::int64_t);
template void softmax(const double*, std::int64_t, double*);
template void softmax_pullback(const double*, std::int64_t, double*);
template void softmax_columns(std::span<const Range>, std::int64_t, std::int64_t, double*);
template void softmax_pullback_columns(std::span<const Range>, std::int64_t, std::int64_t, const double*, double*);

}  // namespace tapehead::vectors
