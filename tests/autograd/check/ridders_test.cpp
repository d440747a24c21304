#include "autograd/check/ridders.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace tapehead {
namespace {

DifferenceProbe probe_of(double (*f)(double), double x) {
  return [=](double h) -> std::optional<Difference> {
    const double difference = f(x + h) - f(x - h);
    if (!std::isfinite(difference)) return {};
    return Difference{{difference}, {4 * 0x1p-53 * std::abs(f(x))}};
  };
}

TEST(Ridders, IsAsRightAsItSays) {
  struct Example {
    double (*f)(double);
    double x, derivative;
  };
  for (const auto& [f, x, derivative] :
       {Example{[](double t) { return std::exp(t); }, 1, std::numbers::e},
        Example{[](double t) { return std::sin(20 * t); }, 0.3, 20 * std::cos(6.0)},
        Example{[](double t) { return 1 / t; }, 0.2, -25},
        Example{[](double t) { return std::erf(t); }, 0.5, 2 / std::sqrt(std::numbers::pi) * std::exp(-0.25)},
        Example{[](double t) { return 3 * t; }, 7, 3}}) {
    const RiddersEstimate estimate = ridders(probe_of(f, x), 0.125, 0);
    ASSERT_TRUE(estimate.found);
    EXPECT_LE(std::abs(estimate.value[0] - derivative), estimate.error[0]) << derivative;
    EXPECT_LT(estimate.error[0], 1e-9 * std::abs(derivative)) << derivative;
  }
}

TEST(Ridders, StopsAtTheGoal) {
  int probes = 0;
  const auto count = [&](double h) -> std::optional<Difference> {
    ++probes;
    return Difference{{std::exp(h) - std::exp(-h)}, {0}};
  };
  const RiddersEstimate rough = ridders(count, 0.125, 1e-4);
  EXPECT_LE(rough.error[0], 1e-4);
  EXPECT_LE(probes, 3);
}

TEST(Ridders, ComesCloserWhereProbesFail) {
  // log has no values left of zero.
  const RiddersEstimate estimate = ridders(probe_of([](double t) { return std::log(t); }, 0.01), 0.125, 0);
  EXPECT_TRUE(estimate.crossed);
  ASSERT_TRUE(estimate.found);
  EXPECT_LE(std::abs(estimate.value[0] - 100), estimate.error[0]);
}

TEST(Ridders, SaysWhenNothingWasFound) {
  const RiddersEstimate estimate = ridders([](double) { return std::optional<Difference>(); }, 0.125, 0);
  EXPECT_FALSE(estimate.found);
  EXPECT_TRUE(estimate.crossed);
}

}  // namespace
}  // namespace tapehead
