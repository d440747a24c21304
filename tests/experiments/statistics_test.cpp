#include "experiments/statistics.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tapehead {
namespace {

TEST(Spread, DeviationIsThatOfASample) {
  // Σ(x − 5)² = 32 over 7.
  const std::array<double, 8> values{2, 4, 4, 4, 5, 5, 7, 9};
  const Spread spread = spread_of(values);
  EXPECT_DOUBLE_EQ(spread.mean, 5);
  EXPECT_NEAR(spread.deviation.value(), 2.138089935299395, 1e-14);
}

TEST(Spread, OneValueHasNoDeviation) {
  const std::array<double, 1> values{3};
  EXPECT_EQ(spread_of(values).mean, 3);
  EXPECT_FALSE(spread_of(values).deviation.has_value());
}

}  // namespace
}  // namespace tapehead
