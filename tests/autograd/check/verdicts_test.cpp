// What a verdict rests on: derivatives of every size, kinks that nobody notes, functions of one scalar alone.

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/check.hpp"
#include "autograd/check/diagnosis.hpp"
#include "autograd/check/ridders.hpp"
#include "autograd/ops/exp.hpp"
#include "tests/support/slip.hpp"

namespace tapehead {
namespace {

using testing_support::slip;

using testing::HasSubstr;
using testing::Not;

// y = (large · x₀, x₁), or their sum; the slope of x₁ is off by e.
struct Uneven {
  double large = 1e9, e = 0;
  bool summed = false;
};

template <Scalar T>
Var<T> uneven(Var<T> x, Uneven at) {
  T* y = x.tape().allocate(2);
  const auto large = static_cast<Real<T>>(at.large);
  const auto slope = static_cast<Real<T>>(1 + at.e);
  y[0] = large * x.data()[0];
  y[1] = x.data()[1];
  if (at.summed) y[0] += y[1];
  return x.tape().record("uneven", {at.summed ? 1 : 2}, y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(2, [=](std::int64_t i) { return i == 0 ? large * d_y[0] : slope * d_y[at.summed ? 0 : 1]; });
    }
  });
}

Verdict verdict_of(Uneven at, bool double_alone, std::uint64_t seed = 1) {
  const GenericFunction both = [at](auto x) { return uneven(x[0], at); };
  const GenericFunction alone = [at](Inputs<double> x) { return uneven(x[0], at); };
  return check_gradients(double_alone ? alone : both, {{{2}}}, {.seed = seed}).verdict();
}

TEST(Verdicts, ASlopeThatIsSmallBesideAnotherMustBeRightToo) {
  for (const bool summed : {false, true}) {
    for (const bool double_alone : {false, true}) {
      for (const double large : {1e3, 1e6, 1e9}) {
        EXPECT_EQ(verdict_of({large, 0.01, summed}, double_alone), Verdict::fail) << large << summed << double_alone;
        EXPECT_EQ(verdict_of({large, 0, summed}, double_alone), Verdict::pass) << large << summed << double_alone;
      }
      for (const double large : {1e12, 1e15, 1e20}) {  // beside which rounding is as large
        for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
          EXPECT_NE(verdict_of({large, 0.01, summed}, double_alone, seed), Verdict::pass)
              << large << summed << double_alone;
          EXPECT_NE(verdict_of({large, 0, summed}, double_alone, seed), Verdict::fail)
              << large << summed << double_alone;
        }
      }
    }
  }
}

TEST(Verdicts, AFactorOf1Plus1em8IsSeenOnEveryScale) {
  EXPECT_EQ(verdict_of({1, 1e-8}, false), Verdict::fail);
  EXPECT_EQ(verdict_of({1e9, 1e-8}, false), Verdict::inconclusive);  // 1e-8 beside 1e9
  EXPECT_EQ(verdict_of({1, 1e-6}, true), Verdict::fail);
}

// A complex step is good to about 1e-15, so what is seen depends on the tolerance alone: a factor of 1 + 2e-9 by
// default, of 1 + 1e-10 where 2e-11 is asked for. The derivatives of every op's first case are off together.
TEST(Verdicts, FactorsAreSeenDownToTheToleranceInEveryOp) {
  int ops = 0;
  for (const OpSpec& spec : op_specs()) {
    if (spec.dual_by_hand) continue;  // differences decide
    ++ops;
    const OpCase& first = spec.cases.front();
    const auto verdict = [&](double e, double tolerance) {
      OpSpec slipped{spec.name, {first}};
      slipped.cases[0].call = [call = first.call, e](auto& tape, auto x) { return slip(call(tape, x), e); };
      return check_problem(problem_cases(slipped)[0], {.tolerance = tolerance}).verdict();
    };
    const double by_default = CheckOptions{}.tolerance;
    EXPECT_EQ(verdict(0, by_default), Verdict::pass) << spec.name;
    EXPECT_EQ(verdict(2e-9, by_default), Verdict::fail) << spec.name;
    EXPECT_EQ(verdict(0, 2e-11), Verdict::pass) << spec.name;
    EXPECT_EQ(verdict(1e-10, 2e-11), Verdict::fail) << spec.name;
    EXPECT_EQ(verdict(-1e-10, 2e-11), Verdict::fail) << spec.name;
  }
  EXPECT_GE(ops, 20);
}

// |x|, that notes no branches. `complex_size`: of a dual number it takes the size, which is no number with a
// derivative.
template <Scalar T>
Var<T> size_of(Var<T> x, double factor, bool complex_size = false) {
  const std::int64_t count = x.shape().size();
  const T* in = x.data();
  T* y = x.tape().allocate(count);
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = complex_size ? T(std::abs(in[i])) : real_part(in[i]) < 0 ? -in[i] : in[i];
  }
  return x.tape().record("size_of", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(count, [=](std::int64_t i) {
        return static_cast<Real<T>>(real_part(in[i]) < 0 ? -factor : factor) * d_y[i];
      });
    }
  });
}

CheckReport check_size(double reach, double factor, bool complex_size = false, std::uint64_t seed = 1) {
  return check_gradients([=](auto x) { return size_of(x[0], factor, complex_size); }, {{{3, 5}, -reach, reach}},
                         {.seed = seed});
}

TEST(Verdicts, AKinkThatNobodyNotesIsNoFailure) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) EXPECT_NE(check_size(2, 1, false, seed).verdict(), Verdict::fail);
  const CheckReport near = check_size(1e-6, 1);
  EXPECT_EQ(near.verdict(), Verdict::inconclusive) << near.text();
  EXPECT_THAT(near.text(), HasSubstr("note_branches"));
  const CheckReport at = check_size(0, 1);
  EXPECT_EQ(at.verdict(), Verdict::inconclusive) << at.text();
  EXPECT_THAT(at.text(), HasSubstr("which disagree with both: a kink at the point? note_branches"));
  EXPECT_EQ(check_size(2, 1.01).verdict(), Verdict::fail);
}

TEST(Verdicts, AComplexStepThatDisagreesWithBothIsSaid) {
  const CheckReport report = check_size(2, 1, true);
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_THAT(report.text(), HasSubstr("disagrees with both: does the function take std::abs"));
}

TEST(Verdicts, ReportsSayTheErrorAndWhatWasAllowed) {
  const CheckReport report = check_size(2, 1.01);
  EXPECT_THAT(report.text(), HasSubstr("from the complex step, "));
  EXPECT_THAT(report.text(), HasSubstr(" is allowed"));
  ASSERT_FALSE(report.derivatives.empty());
  const Derivative& d = report.derivatives[0];
  EXPECT_EQ(d.ground, Ground::complex_step);
  EXPECT_DOUBLE_EQ(d.error, std::abs(d.analytic - d.complex_step));
  EXPECT_LT(d.allowed, d.error);
}

TEST(Verdicts, AFunctionThatDoesNotTakeDoubleIsToldSo) {
  const CheckReport single = check_gradients([](Inputs<float> x) { return exp(x[0]); }, {{{3}}});
  EXPECT_EQ(single.verdict(), Verdict::fail);
  EXPECT_THAT(single.text(), HasSubstr("takes float alone; gradients are checked in double"));
  EXPECT_THAT(single.text(), Not(HasSubstr("bad_function_call")));
  const CheckReport complex = check_gradients([](Inputs<std::complex<double>> x) { return exp(x[0]); }, {{{3}}},
                                              {.precision = CheckedPrecision::single_precision});
  EXPECT_THAT(complex.text(), HasSubstr("takes complex numbers alone; gradients are checked in double"));
}

// A function that is not yet smooth on the scale of the first probes: the first tableau is sure of a wrong number.
TEST(ConfirmedRidders, BelievesWhatAnotherStartConfirms) {
  const auto f = [](double x) { return std::tanh(40 * x); };
  const auto probe = [&](double h) -> std::optional<Difference> {
    return Difference{{f(0.02 + h) - f(0.02 - h)}, {4e-16}};
  };
  const double slope = 40 / std::pow(std::cosh(0.8), 2);
  const RiddersEstimate found = confirmed_ridders(probe, 0.125, 0);
  ASSERT_TRUE(found.found);
  EXPECT_NEAR(found.value[0], slope, 10 * found.error[0] + 1e-9);
  EXPECT_LT(found.error[0], 1e-6);
}

// ---- diagnoses that the numbers do not carry are not made

Explanation explained(std::vector<double> analytic, std::vector<double> expected, double tolerance = 1e-9) {
  static const std::vector<double> cotangent{1};
  const Variable variable{.name = "x", .shape = {static_cast<std::int64_t>(analytic.size())}};
  return explain({.variable = variable,
                  .analytic = std::move(analytic),
                  .expected = std::move(expected),
                  .tangents = {},
                  .cotangent = cotangent,
                  .output = {},
                  .tolerance = tolerance});
}

TEST(Diagnoses, ZeroHasNoSign) {
  EXPECT_NE(explained({5e-9, 1, 2}, {-5e-9, 1, 2}).diagnosis, Diagnosis::sign);
  EXPECT_EQ(explained({-1, -2, 0}, {1, 2, 0}).diagnosis, Diagnosis::sign);
}

TEST(Diagnoses, AFactorOfOneExplainsNothing) {
  EXPECT_NE(explained({1 + 5e-9, 2}, {1, 2}).diagnosis, Diagnosis::factor);
  EXPECT_EQ(explained({1, 2, 1e-3}, {1, 2, 0}).diagnosis, Diagnosis::wrong_where_masked);
}

TEST(Diagnoses, OneNumberIsNoProofOfAFactorWithoutAName) {
  EXPECT_EQ(explained({0.7371, 0}, {1.1, 0}).diagnosis, Diagnosis::wrong_in_part);
  EXPECT_EQ(explained({2.2, 0}, {1.1, 0}).diagnosis, Diagnosis::factor);
}

}  // namespace
}  // namespace tapehead
