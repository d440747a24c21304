#include "autograd/check/taylor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>

#include "autograd/ops/exp.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/softmax.hpp"
#include "tests/support/slip.hpp"

namespace tapehead {
namespace {

using testing_support::slip;

TaylorTest tested(const GenericFunction& function, std::vector<InputSpec> inputs = {{{5, 3}}}, std::uint64_t seed = 1) {
  return taylor_test({"function", [=](std::uint64_t drawn) { return Problem(function, inputs, drawn); }}, seed);
}

// eˣ, whose pullback on complex numbers alone is off by a factor: the gradient is right, the Hessian is not.
template <Scalar T>
Var<T> exp_with_wrong_hessian(Var<T> x, double factor) {
  return RealScalar<T> ? exp(x) : slip(exp(x), factor - 1);
}

TEST(Taylor, RemaindersOfARightFunctionFallByOneTwoAndThreeOrders) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const TaylorTest test = tested([](auto x) { return softmax(multiply(x[0], exp(x[0]))); }, {{{5, 3}}}, seed);
    EXPECT_EQ(test.verdict(), Verdict::pass) << test.why_not;
    for (std::size_t order = 0; order < 3; ++order) {
      EXPECT_NEAR(test.slopes()[order], static_cast<double>(order + 1), 0.05) << seed;
    }
  }
}

TEST(Taylor, AreThoseOfTheFormula) {
  // Σ c eˣ along v, by the numbers of the test itself: the second remainder over h² tends to Σ c v² eˣ / 2.
  const TaylorTest test = tested([](auto x) { return exp(x[0]); }, {{{1}, 0.5, 0.5}});
  for (const TaylorStep& step : test.steps) {
    if (step.step < 1e-3) break;
    const double h = step.step;  // one element: v and c are ±1, and the sizes those of v = 1 or of v = −1
    const double e = std::exp(0.5);
    double smallest = HUGE_VAL, largest = 0;
    for (const double v : {1.0, -1.0}) {
      const double left = std::abs(e * (std::exp(h * v) - 1 - h * v));
      smallest = std::min(smallest, left);
      largest = std::max(largest, left);
    }
    EXPECT_GE(step.remainders[1], smallest * (1 - 1e-6));
    EXPECT_LE(step.remainders[1], largest * (1 + 1e-6));
  }
}

TEST(Taylor, AWrongGradientBendsTheSecondLine) {
  for (const double e : {1.0, 1e-2, 1e-4, 1e-6}) {
    const TaylorTest test = tested([e](auto x) { return exp(slip(x[0], e)); });
    EXPECT_EQ(test.verdict(), Verdict::fail) << e;
    // A smaller one is seen just above rounding.
    EXPECT_NEAR(test.slopes()[1], 1, e >= 1e-4 ? 0.1 : 0.7) << e;
  }
}

TEST(Taylor, AWrongHessianBendsTheThird) {
  for (const double factor : {-1.0, 2.0, 1.01}) {
    const TaylorTest test = tested([factor](auto x) {
      // a slip of the complex pullback changes no derivative in double
      return exp_with_wrong_hessian(x[0], factor);
    });
    EXPECT_EQ(test.verdict(), Verdict::fail) << factor;
    EXPECT_NEAR(test.slopes()[1], 2, 0.05) << factor;
    EXPECT_NEAR(test.slopes()[2], 2, 0.1) << factor;
  }
}

TEST(Taylor, OfALinearFunctionNothingIsLeft) {
  const TaylorTest test = tested([](auto x) { return scale(x[0], 3); });
  EXPECT_EQ(test.verdict(), Verdict::pass);
  EXPECT_NEAR(test.slopes()[0], 1, 1e-6);
  EXPECT_TRUE(std::isnan(test.slopes()[1]));
  EXPECT_TRUE(std::isnan(test.slopes()[2]));
}

TEST(Taylor, StepsThatCrossAKinkAreLeftOut) {
  const TaylorTest test = tested([](auto x) { return multiply(relu(x[0]), x[0]); });
  EXPECT_EQ(test.verdict(), Verdict::pass);
  EXPECT_NEAR(test.slopes()[1], 2, 0.05);
}

TEST(Taylor, AFunctionOfDoubleAloneHasNoHessian) {
  const TaylorTest test = tested([](Inputs<double> x) { return exp(x[0]); });
  EXPECT_EQ(test.verdict(), Verdict::pass);
  EXPECT_TRUE(std::isnan(test.slopes()[2]));
}

TEST(Taylor, SaysWhyThereIsNothingToSee) {
  const TaylorTest thrown = tested([](auto x) { return multiply(x[0], x[1]); }, {{{2}}, {{3}}});
  EXPECT_EQ(thrown.verdict(), Verdict::inconclusive);
  EXPECT_NE(thrown.why_not.find("multiply"), std::string::npos) << thrown.why_not;
  const TaylorTest infinite = tested([](auto x) { return exp(scale(x[0], 1e4)); });
  EXPECT_EQ(infinite.verdict(), Verdict::inconclusive);
  EXPECT_FALSE(infinite.why_not.empty());
  const TaylorTest single = tested([](Inputs<float> x) { return exp(x[0]); });
  EXPECT_EQ(single.verdict(), Verdict::inconclusive);
  EXPECT_FALSE(single.why_not.empty());
}

}  // namespace
}  // namespace tapehead
