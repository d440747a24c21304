// Against long double, element by element; every length of tail; the same element anywhere in an array.

#include "autograd/kernels/vector_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "autograd/base/random.hpp"
#include "autograd/kernels/column_math.hpp"

namespace tapehead {
namespace {

using vectors::Curve;

template <class T>
class VectorMath : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(VectorMath, Reals);

template <class T>
std::vector<T> numbers(std::int64_t count, double low, double high) {
  const RandomStream random(5, Purpose::test);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(low + (high - low) * random.uniform(static_cast<std::uint32_t>(i)));
  }
  return values;
}

long double normal_distribution(long double x) { return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2; }
long double normal_density(long double x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<long double> / std::numbers::sqrt2_v<long double>;
}

// Distance in units in the last place of the true value.
template <class T>
double ulps(T value, long double truth) {
  const T magnitude = std::max(std::abs(static_cast<T>(truth)), std::numeric_limits<T>::min());
  const T unit = std::nextafter(magnitude, std::numeric_limits<T>::infinity()) - magnitude;
  return static_cast<double>(std::abs(static_cast<long double>(value) - truth) / static_cast<long double>(unit));
}

template <class T, class F, class G>
void expect_close(const std::vector<T>& x, F vectorised, G truth, double bound) {
  std::vector<T> y(x.size());
  vectorised(x.data(), std::ssize(x), y.data());
  double worst = 0;
  T at = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(y[i], truth(static_cast<long double>(x[i])));
    if (error > worst) worst = error, at = x[i];
  }
  EXPECT_LE(worst, bound) << "at " << at;
}

TYPED_TEST(VectorMath, ExpTanhAndSigmoidAreWithinFourUnits) {
  using T = TypeParam;
  const double low = std::same_as<T, float> ? -87 : -700;
  expect_close(
      numbers<T>(20'000, low, 80), vectors::exp<T>, [](long double x) { return std::exp(x); }, 4);
  expect_close(
      numbers<T>(20'000, -1e-3, 1e-3), vectors::exp<T>, [](long double x) { return std::exp(x); }, 4);
  for (const double reach : {0.01, 3.0, 30.0}) {
    const auto x = numbers<T>(20'000, -reach, reach);
    expect_close(
        x, vectors::tanh<T>, [](long double a) { return std::tanh(a); }, 4);
    expect_close(
        x, vectors::sigmoid<T>, [](long double a) { return 1 / (1 + std::exp(-a)); }, 4);
  }
}

// Φ is 1 + erf, so where it is small its error is that of a number of size one; not so far below zero, as the next test
// says.
TYPED_TEST(VectorMath, GeluAndItsSlopeAreCloseOnTheScaleOfX) {
  using T = TypeParam;
  const auto x = numbers<T>(20'000, -12, 12);
  std::vector<T> y = x;
  std::vector<T> d_x = x;
  std::ranges::fill(d_x, T(1));
  vectors::curve(Curve::gelu, x.data(), std::ssize(x), y.data());
  vectors::curve_pullback(Curve::gelu, x.data(), d_x.data(), std::ssize(x), d_x.data(), false);
  const double unit = std::numeric_limits<T>::epsilon();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<long double>(x[i]);
    const auto scale = static_cast<double>(1 + std::abs(x[i]));
    ASSERT_NEAR(static_cast<double>(y[i]), static_cast<double>(a * normal_distribution(a)), 2 * unit * scale) << a;
    ASSERT_NEAR(static_cast<double>(d_x[i]), static_cast<double>(normal_distribution(a) + a * normal_density(a)),
                4 * unit)
        << a;
  }
}

constexpr Curve kCurves[] = {Curve::gelu, Curve::gelu_tanh, Curve::silu, Curve::sigmoid, Curve::tanh};

// y = f(x) of one curve, as a function of arrays.
template <class T, Curve f>
void curve_of(const T* x, std::int64_t count, T* y) {
  vectors::curve(f, x, count, y);
}

// Where 1 + erf is 0 or a few units of one, value and slope have all their digits, down to the smallest normal Φ.
TYPED_TEST(VectorMath, GeluFarBelowZeroIsRelativelyExact) {
  using T = TypeParam;
  const double end = std::same_as<T, float> ? -12.9 : -37.4;
  const auto x = numbers<T>(20'000, end, std::nextafter(T(-4), T(-5)));
  const auto value = [](long double a) { return a * normal_distribution(a); };
  const auto slope = [](long double a) { return normal_distribution(a) + a * normal_density(a); };
  expect_close(x, curve_of<T, Curve::gelu>, value, 6);
  const auto pulled = [](const T* from, std::int64_t count, T* to) {
    std::fill_n(to, count, T(1));
    vectors::curve_pullback(Curve::gelu, from, to, count, to, false);
  };
  expect_close(x, pulled, slope, 6);
  const auto together = [](const T* from, std::int64_t count, T* to) {
    std::vector<T> y(static_cast<std::size_t>(count));
    vectors::curve_with_slope(Curve::gelu, from, count, y.data(), to);
  };
  expect_close(x, together, slope, 6);
  for (const double far : {-50.0, -1e3, -1e30}) {
    const auto at = static_cast<T>(far);
    T y = 1, d_x = 1;
    curve_of<T, Curve::gelu>(&at, 1, &y);
    pulled(&at, 1, &d_x);
    EXPECT_EQ(y, T(0)) << far;
    EXPECT_EQ(d_x, T(0)) << far;
  }
}

long double logistic(long double a) { return 1 / (1 + std::exp(-a)); }

// Both are x times a sigmoid, which is right to its last digits wherever it is small.
TYPED_TEST(VectorMath, SiluAndGeluByTanhAreRelativelyExactEverywhere) {
  using T = TypeParam;
  const double reach = std::same_as<T, float> ? 4 : 9;
  expect_close(
      numbers<T>(20'000, -60, 60), curve_of<T, Curve::silu>, [](long double a) { return a * logistic(a); }, 5);
  const auto share = [](long double a) {
    return logistic(2 * std::sqrt(2 / std::numbers::pi_v<long double>) * (a + 0.044715L * a * a * a));
  };
  // The argument of the sigmoid grows with the cube, and its rounding errors with it.
  expect_close(
      numbers<T>(20'000, -reach, reach), curve_of<T, Curve::gelu_tanh>, [&](long double a) { return a * share(a); },
      std::same_as<T, float> ? 30 : 250);
  expect_close(
      numbers<T>(20'000, -1, 10), curve_of<T, Curve::gelu_tanh>, [&](long double a) { return a * share(a); }, 8);
}

// Slopes of both fall off to nothing, and keep their digits.
TYPED_TEST(VectorMath, SlopesOfSigmoidAndTanhAreRelativelyExact) {
  using T = TypeParam;
  const double unit = std::numeric_limits<T>::epsilon();
  const auto x = numbers<T>(20'000, -20, 20);
  std::vector<T> y(x.size());
  std::vector<T> slope(x.size());
  for (const Curve f : {Curve::sigmoid, Curve::tanh}) {
    vectors::curve_with_slope(f, x.data(), std::ssize(x), y.data(), slope.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const long double a = static_cast<long double>(x[i]) * (f == Curve::tanh ? 2 : 1);
      const long double s = logistic(a) * logistic(-a) * (f == Curve::tanh ? 4 : 1);
      const long double value = f == Curve::tanh ? std::tanh(a / 2) : logistic(a);
      ASSERT_NEAR(static_cast<double>(slope[i] / s), 1, 8 * unit) << a;
      ASSERT_NEAR(static_cast<double>(y[i]), static_cast<double>(value), 4 * unit) << a;
    }
  }
}

TYPED_TEST(VectorMath, SlopesAreThoseOfTheFormulas) {
  using T = TypeParam;
  const auto x = numbers<T>(20'000, -12, 12);
  const double unit = std::numeric_limits<T>::epsilon();
  std::vector<T> d_x(x.size(), T(1));
  vectors::curve_pullback(Curve::silu, x.data(), d_x.data(), std::ssize(x), d_x.data(), false);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<long double>(x[i]);
    ASSERT_NEAR(static_cast<double>(d_x[i]), static_cast<double>(logistic(a) * (1 + a * logistic(-a))), 4 * unit) << a;
  }
  std::ranges::fill(d_x, T(1));
  vectors::curve_pullback(Curve::gelu_tanh, x.data(), d_x.data(), std::ssize(x), d_x.data(), false);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto a = static_cast<long double>(x[i]);
    const long double k = std::sqrt(2 / std::numbers::pi_v<long double>);
    const long double t = std::tanh(k * (a + 0.044715L * a * a * a));
    const long double slope = (1 + t) / 2 + a * (1 - t * t) * k * (1 + 3 * 0.044715L * a * a) / 2;
    ASSERT_NEAR(static_cast<double>(d_x[i]), static_cast<double>(slope), 4 * unit) << a;
  }
}

TYPED_TEST(VectorMath, ValueAndSlopeTogetherAreThoseApart) {
  using T = TypeParam;
  for (const Curve f : kCurves) {
    for (const std::int64_t count : {0, 1, 15, 16, 37}) {
      const auto x = numbers<T>(count, -4, 4);
      std::array<T, 40> y, slope, both_y, both_slope;
      std::ranges::fill(slope, T(1));
      std::ranges::copy(x, both_slope.begin());
      vectors::curve(f, x.data(), count, y.data());
      vectors::curve_pullback(f, x.data(), slope.data(), count, slope.data(), false);
      vectors::curve_with_slope(f, both_slope.data(), count, both_y.data(), both_slope.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double unit = std::numeric_limits<T>::epsilon();
        ASSERT_NEAR(both_y[i], y[i], unit * static_cast<double>(std::abs(x[i])));
        ASSERT_NEAR(both_slope[i], slope[i], 2 * unit);
      }
    }
  }
}

TYPED_TEST(VectorMath, GeluIsRelativelyExactNearZero) {
  using T = TypeParam;
  expect_close(
      numbers<T>(1000, -1e-4, 1e-4), curve_of<T, Curve::gelu>, [](long double a) { return a * normal_distribution(a); },
      4);
}

TYPED_TEST(VectorMath, AnElementIsTheSameWhereverItStands) {
  using T = TypeParam;
  const auto x = numbers<T>(40, -6, 6);
  const auto check = [&](const char* name, auto f) {
    std::vector<T> whole(x.size());
    f(x.data(), std::ssize(x), whole.data());
    for (std::size_t count = 0; count <= x.size(); ++count) {
      std::array<T, 40> part;  // in place, of every length
      std::copy_n(x.begin(), count, part.begin());
      f(part.data(), static_cast<std::int64_t>(count), part.data());
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(part[i], whole[i]) << name << " " << count << " " << i;
      if (count == x.size()) continue;
      T one = 0;
      f(&x[count], 1, &one);
      ASSERT_EQ(one, whole[count]) << name;
    }
  };
  check("exp", vectors::exp<T>);
  check("tanh", vectors::tanh<T>);
  check("sigmoid", vectors::sigmoid<T>);
  check("gelu", curve_of<T, Curve::gelu>);
  check("gelu_tanh", curve_of<T, Curve::gelu_tanh>);
  check("silu", curve_of<T, Curve::silu>);
  check("sigmoid curve", curve_of<T, Curve::sigmoid>);
  check("tanh curve", curve_of<T, Curve::tanh>);
  check("exponentiate", [](const T* from, std::int64_t n, T* to) { vectors::exponentiate(from, T(1), n, to); });
}

TYPED_TEST(VectorMath, PullbacksWriteOrAddAllOfItAndNoMore) {
  using T = TypeParam;
  for (std::int64_t at = 0; at < 3 * 40; ++at) {
    const Curve f = kCurves[at / 40];
    const std::int64_t count = at % 40;
    const auto x = numbers<T>(count, -3, 3);
    const auto d_y = numbers<T>(count, 1, 2);
    std::array<T, 41> fresh;
    fresh.fill(T(7));
    std::array<T, 41> added = fresh;
    vectors::curve_pullback(f, x.data(), d_y.data(), count, fresh.data(), false);
    vectors::curve_pullback(f, x.data(), d_y.data(), count, added.data(), true);
    // With fused multiply-add the sum rounds once instead of twice.
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_NEAR(added[i], fresh[i] + T(7), 16 * std::numeric_limits<T>::epsilon());
    }
    ASSERT_EQ(fresh[x.size()], T(7));
    ASSERT_EQ(added[x.size()], T(7));
  }
}

TYPED_TEST(VectorMath, SpecialValues) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto of = [](auto f, T x) {
    T y = 0;
    f(&x, 1, &y);
    return y;
  };
  EXPECT_EQ(of(vectors::exp<T>, T(0)), T(1));
  EXPECT_EQ(of(vectors::exp<T>, -kInfinity), T(0));
  EXPECT_EQ(of(vectors::exp<T>, kInfinity), kInfinity);
  EXPECT_EQ(of(vectors::exp<T>, T(1e4)), kInfinity);
  EXPECT_EQ(of(vectors::exp<T>, T(-1e4)), T(0));
  EXPECT_EQ(of(vectors::tanh<T>, kInfinity), T(1));
  EXPECT_EQ(of(vectors::tanh<T>, T(-1e4)), T(-1));
  EXPECT_EQ(of(vectors::sigmoid<T>, kInfinity), T(1));
  EXPECT_EQ(of(vectors::sigmoid<T>, -kInfinity), T(0));
  EXPECT_EQ(of(curve_of<T, Curve::gelu>, T(0)), T(0));
  EXPECT_EQ(of(curve_of<T, Curve::gelu>, T(40)), T(40));
  EXPECT_EQ(of(curve_of<T, Curve::gelu>, T(-40)), T(0));
  EXPECT_EQ(of(curve_of<T, Curve::silu>, T(200)), T(200));
  EXPECT_EQ(of(curve_of<T, Curve::silu>, T(-1e4)), T(0));
  EXPECT_EQ(of(curve_of<T, Curve::gelu_tanh>, T(40)), T(40));
  EXPECT_EQ(of(curve_of<T, Curve::gelu_tanh>, T(-40)), T(0));
  for (const auto f : {vectors::exp<T>, vectors::tanh<T>, vectors::sigmoid<T>, curve_of<T, Curve::gelu>,
                       curve_of<T, Curve::gelu_tanh>, curve_of<T, Curve::silu>}) {
    EXPECT_TRUE(std::isnan(of(f, nan)));
  }
}

}  // namespace
}  // namespace tapehead
