// Against long double; columns of every length, and parts of them.

#include "autograd/kernels/column_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/base/random.hpp"

namespace tapehead {
namespace {

template <class T>
class ColumnMath : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(ColumnMath, Reals);

template <class T>
std::vector<T> numbers(std::int64_t count, double low, double high) {
  const RandomStream random(5, Purpose::test);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(low + (high - low) * random.uniform(static_cast<std::uint32_t>(i)));
  }
  return values;
}

TYPED_TEST(ColumnMath, ALongSumLosesLittle) {
  using T = TypeParam;
  const auto x = numbers<T>(50'000, -8, 0);
  std::vector<T> y(x.size());
  const T total = vectors::exponentiate(x.data(), T(0), std::ssize(x), y.data());
  long double truth = 0;
  for (const T value : y) truth += static_cast<long double>(value);
  EXPECT_NEAR(static_cast<double>(total / truth), 1, 4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

// Columns of every size up to a few vectors, with a gap between them, each with another part that counts: the others,
// which may hold anything, become zero, and the gap stays. Against the definition in long double.
TYPED_TEST(ColumnMath, SoftmaxOfPartsOfColumns) {
  using T = TypeParam;
  constexpr std::int64_t kColumns = 7;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (std::int64_t size = 1; size <= 40; ++size) {
    const std::int64_t stride = size + size % 3;
    auto x = numbers<T>(stride * kColumns, -4, 4);
    auto d = numbers<T>(stride * kColumns, -1, 3);
    std::array<vectors::Range, kColumns> ranges;
    for (std::int64_t j = 0; j < kColumns; ++j) {
      const auto begin = static_cast<std::int32_t>(j * 5 % size);
      const auto end = static_cast<std::int32_t>(j == 3 ? begin : size - j * 3 % (size - begin));
      ranges[static_cast<std::size_t>(j)] = {begin, end};
      for (std::int64_t i = 0; i < stride; ++i) {
        if (i < begin || (i >= end && i < size)) x[static_cast<std::size_t>(i + j * stride)] = nan;
        if (i < begin || (i >= end && i < size)) d[static_cast<std::size_t>(i + j * stride)] = nan;
      }
    }
    auto y = x;
    vectors::softmax_columns<T>(ranges, size, stride, y.data());
    auto d_x = d;
    vectors::softmax_pullback_columns<T>(ranges, size, stride, y.data(), d_x.data());
    for (std::int64_t j = 0; j < kColumns; ++j) {
      const auto [begin, end] = ranges[static_cast<std::size_t>(j)];
      const auto at = [&](std::int64_t i) { return static_cast<std::size_t>(i + j * stride); };
      long double total = 0;
      for (std::int64_t i = begin; i < end; ++i) total += std::exp(static_cast<long double>(x[at(i)]));
      long double inner = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        inner += std::exp(static_cast<long double>(x[at(i)])) / total * static_cast<long double>(d[at(i)]);
      }
      for (std::int64_t i = 0; i < size; ++i) {
        if (i < begin || i >= end) {
          ASSERT_EQ(y[at(i)], T(0)) << size << " " << j << " " << i;
          ASSERT_EQ(d_x[at(i)], T(0)) << size << " " << j << " " << i;
          continue;
        }
        const long double weight = std::exp(static_cast<long double>(x[at(i)])) / total;
        const auto epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
        ASSERT_NEAR(static_cast<double>(y[at(i)] / weight), 1, 16 * epsilon) << size << " " << j << " " << i;
        const auto pulled = static_cast<double>(weight * (static_cast<long double>(d[at(i)]) - inner));
        ASSERT_NEAR(static_cast<double>(d_x[at(i)]), pulled, 16 * epsilon) << size << " " << j << " " << i;
      }
      for (std::int64_t i = size; i < stride; ++i) {
        ASSERT_EQ(y[at(i)], x[at(i)]);
        ASSERT_EQ(d_x[at(i)], d[at(i)]);
      }
    }
  }
}

TYPED_TEST(ColumnMath, SoftmaxSaysWhereItMetNaN) {
  using T = TypeParam;
  for (const std::int64_t size : {3, 40}) {
    std::vector<T> x(static_cast<std::size_t>(size), T(1));
    x[1] = std::numeric_limits<T>::quiet_NaN();
    const std::array<vectors::Range, 1> all{vectors::Range{0, static_cast<std::int32_t>(size)}};
    vectors::softmax_columns<T>(all, size, size, x.data());
    EXPECT_TRUE(std::isnan(x[1]));
    EXPECT_TRUE(std::isnan(x[2]));
  }
}

TYPED_TEST(ColumnMath, LargestAndInnerProductOfEveryLength) {
  using T = TypeParam;
  for (const std::int64_t count : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40, 5000, 9001}) {
    const auto a = numbers<T>(count, -3, -1);
    const auto b = numbers<T>(count, 1, 2);
    EXPECT_EQ(vectors::largest(a.data(), count), *std::max_element(a.begin(), a.end())) << count;
    long double truth = 0;
    for (std::size_t i = 0; i < a.size(); ++i) truth += static_cast<long double>(a[i]) * static_cast<long double>(b[i]);
    EXPECT_NEAR(static_cast<double>(vectors::dot(a.data(), b.data(), count) / truth), 1,
                static_cast<double>(40 * std::numeric_limits<T>::epsilon()))
        << count;
  }
}

}  // namespace
}  // namespace tapehead
