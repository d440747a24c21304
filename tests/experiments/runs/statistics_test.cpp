#include "experiments/runs/statistics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace tapehead {
namespace {

TEST(Spread, DeviationIsThatOfASample) {
  // Σ(x − 5)² = 32 over 7.
  const std::array<double, 8> values{2, 4, 4, 4, 5, 5, 7, 9};
  const Spread spread = spread_of(values);
  EXPECT_DOUBLE_EQ(spread.mean, 5);
  EXPECT_NEAR(spread.deviation.value(), 2.138089935299395, 1e-14);
}

TEST(Spread, SquaresOfLargeNumbersDoNotOverflow) {
  const std::array<double, 2> values{1e300, 3e300};
  EXPECT_DOUBLE_EQ(spread_of(values).mean, 2e300);
  EXPECT_DOUBLE_EQ(spread_of(values).deviation.value(), std::sqrt(2.0) * 1e300);
}

TEST(Spread, EqualValuesDoNotDeviate) {
  const std::array<double, 2> values{0.5, 0.5};
  EXPECT_EQ(spread_of(values).deviation.value(), 0);
}

TEST(Spread, OneValueHasNoDeviation) {
  const std::array<double, 1> values{3};
  EXPECT_EQ(spread_of(values).mean, 3);
  EXPECT_FALSE(spread_of(values).deviation.has_value());
}

}  // namespace
}  // namespace tapehead
