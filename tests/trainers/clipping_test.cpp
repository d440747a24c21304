#include "trainers/clipping.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/base/random.hpp"

namespace tapehead {
namespace {

template <RealScalar T>
std::vector<T> gradient_of(std::int64_t size) {
  const RandomStream random(2, Purpose::test);
  std::vector<T> values;
  for (std::int64_t i = 0; i < size; ++i) {
    values.push_back(static_cast<T>(random.normal(static_cast<std::uint32_t>(i)) * (i % 7 == 0 ? 1e3 : 1)));
  }
  return values;
}

template <RealScalar T>
double norm_of(const std::vector<T>& gradient, int threads) {
  WorkerPool workers(threads);
  GlobalNorm<T> norm(std::ssize(gradient));
  return norm(gradient.data(), workers);
}

// Below, at and above the size of a block, and many blocks with a rest.
constexpr std::int64_t kSizes[] = {0, 1, 4095, 4096, 4097, 12288, 50001};

template <RealScalar T>
void expect_the_plain_sum() {
  for (const std::int64_t size : kSizes) {
    const auto gradient = gradient_of<T>(size);
    long double sum = 0;
    for (const T d : gradient) sum += static_cast<long double>(d) * d;
    const auto expected = static_cast<double>(std::sqrt(sum));
    EXPECT_NEAR(norm_of(gradient, 2), expected, 1e-12 * expected) << size;
  }
}

TEST(GlobalNorm, IsTheRootOfThePlainSumOfSquares) {
  expect_the_plain_sum<double>();
  expect_the_plain_sum<float>();
}

// The squares of these overflow, or vanish, in double too.
TEST(GlobalNorm, IsRightWhereSquaresAreNot) {
  for (const double size : {1e200, 1e300, 1e-170, 1e-200, 1e-308}) {
    const std::vector<double> gradient{3 * size, 0, -4 * size};
    EXPECT_NEAR(norm_of(gradient, 1) / size, 5, 1e-13) << size;
  }
  const std::vector<double> largest(10000, std::numeric_limits<double>::max() / 200);
  EXPECT_NEAR(norm_of(largest, 2) / largest[0], 100, 1e-12);
  EXPECT_EQ(norm_of(std::vector<double>{0, 0}, 1), 0);
  EXPECT_EQ(norm_of(std::vector<double>{1, HUGE_VAL}, 1), HUGE_VAL);
  EXPECT_TRUE(std::isnan(norm_of(std::vector<double>{1, NAN, HUGE_VAL}, 1)));
}

TEST(GlobalNorm, WorkersDoNotChangeABit) {
  for (const std::int64_t size : kSizes) {
    const auto gradient = gradient_of<float>(size);
    const double one = norm_of(gradient, 1);
    EXPECT_EQ(norm_of(gradient, 2), one) << size;
    EXPECT_EQ(norm_of(gradient, 3), one) << size;
  }
}

// Squares are summed in double: the square of 10³⁰ is no float.
TEST(GlobalNorm, LargeFloatsDoNotOverflow) {
  EXPECT_DOUBLE_EQ(norm_of(std::vector<float>{3e30F, 4e30F}, 1), std::hypot(double{3e30F}, double{4e30F}));
}

TEST(GlobalNorm, ReportsInfinityAndNaNWhereverTheyStand) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{5000}, std::size_t{50000}}) {
    auto gradient = gradient_of<float>(50001);
    gradient[at] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(norm_of(gradient, 2), std::numeric_limits<double>::infinity()) << at;
    gradient[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(norm_of(gradient, 2))) << at;
  }
}

TEST(ClipScale, ShortensOnlyWhatIsLonger) {
  EXPECT_EQ(clip_scale(0.5, 1), 1);
  EXPECT_EQ(clip_scale(1, 1), 1);
  EXPECT_EQ(clip_scale(4, 1), 0.25);
  EXPECT_EQ(clip_scale(4, 2), 0.5);
  EXPECT_EQ(clip_scale(0, 1), 1);
}

TEST(ClipScale, NoClippingIsOne) {
  EXPECT_EQ(clip_scale(1e9, 0), 1);
  EXPECT_EQ(clip_scale(0, 0), 1);
}

}  // namespace
}  // namespace tapehead
