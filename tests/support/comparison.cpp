#include "tests/support/comparison.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace tapehead::testing_support {

Comparison::~Comparison() {
  EXPECT_GT(count_, 0) << "nothing was compared";
  const std::string error = fmt::format("{:.2g}", largest_);
  testing::Test::RecordProperty("largest_error", error);
  fmt::print("largest error {} of {} numbers\n", error, count_);
}

void Comparison::near(const std::string& what, std::span<const double> actual, std::span<const double> expected) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double worst = -1;
  std::size_t where = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(actual[i] - expected[i]) / std::max(1.0, std::abs(expected[i]));
    const double error = std::isnan(difference) ? INFINITY : difference;
    if (error > worst) {
      worst = error;
      where = i;
    }
  }
  count_ += static_cast<std::int64_t>(actual.size());
  largest_ = std::max(largest_, worst);
  EXPECT_LE(worst, bound_) << what << ", element " << where << ": " << actual[where] << " instead of "
                           << expected[where];
}

}  // namespace tapehead::testing_support
