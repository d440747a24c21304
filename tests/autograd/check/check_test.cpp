// Right ops pass, planted bugs are found and named.
#include "autograd/check/check.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/ops/exp.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sum.hpp"
#include "tests/autograd/check/planted.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

TEST(CheckGradients, ARightOpPasses) {
  const CheckReport report = check([](auto x) {
    return exp_with_slope(x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) { return y[i] * d_y[i]; });
  });
  EXPECT_TRUE(report.passed()) << report.text();
  EXPECT_EQ(report.derivatives.size(), 32U);
  for (const Derivative& d : report.derivatives) {
    EXPECT_NEAR(d.analytic, d.complex_step, 1e-14 * std::abs(d.analytic));
    EXPECT_LE(std::abs(d.analytic - d.differences), d.differences_error);
    EXPECT_LE(d.error_bound, 0.01 * d.tolerance);
  }
}

TEST(CheckGradients, SeesAFactorThatIsOffByAMillionthAndByLess) {
  const auto off_by = [](double e) {
    return check([e](auto x) {
      return exp_with_slope(x[0], [e](Shape, auto* y, auto* d_y, std::int64_t i) {
        return y[i] * d_y[i] * static_cast<Real<std::remove_cvref_t<decltype(*y)>>>(1 + e);
      });
    });
  };
  for (const double e : {1e-6, 1e-7, -1e-8}) {
    const CheckReport report = off_by(e);
    EXPECT_EQ(report.verdict(), Verdict::fail) << e;
    EXPECT_EQ(report.diagnosis(), Diagnosis::factor) << report.text();
  }
}

TEST(CheckGradients, NamesWhatItSees) {
  const auto diagnosis = [](auto slope) {
    const CheckReport report = check([slope](auto x) { return exp_with_slope(x[0], slope); });
    EXPECT_EQ(report.verdict(), Verdict::fail);
    return report.diagnosis();
  };
  EXPECT_EQ(diagnosis([](Shape, auto* y, auto* d_y, std::int64_t i) { return -y[i] * d_y[i]; }), Diagnosis::sign);
  EXPECT_EQ(diagnosis([](Shape, auto* y, auto* d_y, std::int64_t i) { return y[i] * d_y[i] + y[i] * d_y[i]; }),
            Diagnosis::factor);
  EXPECT_EQ(diagnosis([](Shape, auto* y, auto*, std::int64_t i) { return y[i] - y[i]; }), Diagnosis::not_connected);
  EXPECT_EQ(diagnosis([](Shape s, auto* y, auto* d_y, std::int64_t i) {
              const std::int64_t at = i / 16 * 16 + i % 4 * s.rows + i / 4 % 4;
              return y[at] * d_y[at];
            }),
            Diagnosis::transposed);
  EXPECT_EQ(diagnosis([](Shape s, auto* y, auto* d_y, std::int64_t i) {
              const std::int64_t at = i / s.rows * s.rows + (i + 1) % s.rows;
              return y[at] * d_y[at];
            }),
            Diagnosis::permuted);
  EXPECT_EQ(diagnosis([](Shape s, auto* y, auto* d_y, std::int64_t i) {
              return i % s.rows == s.rows - 1 ? y[i] - y[i] : y[i] * d_y[i];
            }),
            Diagnosis::wrong_in_part);
}

TEST(CheckGradients, SeesAPullbackThatAssigns) {
  const CheckReport report = check([](auto x) {
    return exp_with(x[0], [](Shape shape, auto* y, auto* d_y, auto d_x) {
      for (std::int64_t i = 0; i < shape.size(); ++i) d_x.data[i] = y[i] * d_y[i];
    });
  });
  EXPECT_EQ(report.diagnosis(), Diagnosis::accumulated_too_few) << report.text();
}

TEST(CheckGradients, SeesAPullbackThatAddsToFreshMemory) {
  const CheckReport report = check([](auto x) {
    return exp_with(x[0], [](Shape shape, auto* y, auto* d_y, auto d_x) {
      for (std::int64_t i = 0; i < shape.size(); ++i) d_x.data[i] += y[i] * d_y[i];
    });
  });
  EXPECT_FALSE(report.passed());
}

TEST(CheckGradients, SaysWhichElementIsWorst) {
  const CheckReport report = check([](auto x) {
    return exp_with_slope(x[0],
                          [](Shape, auto* y, auto* d_y, std::int64_t i) { return i == 22 ? y[i] : y[i] * d_y[i]; });
  });
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].variable, "x");
  EXPECT_EQ(report.findings[0].index, (std::array<std::int64_t, 3>{2, 1, 1}));
  EXPECT_THAT(report.text(), HasSubstr("x (row 2, column 1, slice 1): analytic"));
}

TEST(CheckGradients, FindsOneWrongElementOfManyByHalving) {
  const CheckReport report = check(
      [](auto x) {
        return exp_with_slope(
            x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) { return i == 4321 ? -y[i] * d_y[i] : y[i] * d_y[i]; });
      },
      {100, 60});
  EXPECT_EQ(report.derivatives.size(), 4U);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].index, (std::array<std::int64_t, 3>{21, 43, 0})) << report.text();
}

TEST(CheckGradients, NothingCheckedIsAFailure) {
  const CheckReport report = check_gradients([](auto x) { return x[0]; }, {{{0, 3}}});
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_THAT(report.text(), HasSubstr("no derivative was checked"));
}

TEST(CheckGradients, AnEmptyOutputIsAFailure) {
  const CheckReport report = check_gradients(
      [](auto x) {
        return x[0].tape().constant({0, 2}, x[0].data());
      },
      {{{2, 3}}});
  EXPECT_THAT(report.text(), HasSubstr("no derivative was checked"));
}

TEST(CheckGradients, AGradientThatIsNotANumberIsWrong) {
  const CheckReport report = check([](auto x) {
    return exp_with_slope(x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) {
      return i == 5 ? y[i] * d_y[i] * static_cast<Real<std::remove_cvref_t<decltype(*y)>>>(NAN) : y[i] * d_y[i];
    });
  });
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_EQ(report.findings[0].index, (std::array<std::int64_t, 3>{1, 1, 0})) << report.text();
}

TEST(CheckGradients, AnInfiniteOutputDoesNotMakeEverythingPass) {
  const CheckReport report = check([](auto x) {
    using T = std::remove_cvref_t<decltype(*x[0].data())>;
    const auto y = exp_with_slope(x[0], [](Shape, auto* v, auto* d_y, std::int64_t i) { return v[i] * d_y[i] + v[i]; });
    const_cast<T*>(y.data())[3] = static_cast<T>(-HUGE_VAL);
    return y;
  });
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_THAT(report.text(), HasSubstr("the output holds inf"));
}

TEST(CheckGradients, InputsOfEqualShapeNeedNotTakeEachOthersValues) {
  const CheckReport report =
      check_gradients([](auto x) { return multiply(x[0], log(x[1])); }, {{{3, 4}}, {{3, 4}, 0.5, 2}});
  EXPECT_TRUE(report.passed()) << report.text();
}

TEST(CheckGradients, NamesTheWorstElementOfAVariableThatIsCheckedAlongDirections) {
  const CheckReport report = check_gradients(
      [](auto x) {
        return exp_with_slope(x[0],
                              [](Shape, auto* y, auto* d_y, std::int64_t i) { return i == 22 ? y[i] : y[i] * d_y[i]; });
      },
      {{.shape = {4, 10}}}, {.elements = 8});
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings[0].index, (std::array<std::int64_t, 3>{2, 5, 0})) << report.text();
}

TEST(CheckGradients, AVariableThatNoDirectionProbesIsAFailure) {
  const CheckReport report =
      check_gradients([](auto x) { return exp(x[0]); }, {{{4, 10}}}, {.elements = 8, .directions = 0});
  EXPECT_EQ(report.verdict(), Verdict::fail);
}

TEST(CheckGradients, ManyInputs) {
  const CheckReport report = check_gradients(
      [](auto x) {
        auto total = x[0];
        for (std::size_t i = 1; i < x.size(); ++i) total = multiply(total, x[i]);
        return total;
      },
      std::vector<InputSpec>(70, InputSpec{.shape = {2}, .low = 0.8, .high = 1.2}));
  EXPECT_TRUE(report.passed()) << report.text();
  EXPECT_EQ(report.derivatives.size(), 140U);
}

TEST(CheckGradients, AnOutputThatChangesItsShapeIsAFinding) {
  const auto fickle = [calls = std::make_shared<int>(0)](auto x) { return ++*calls % 2 == 0 ? sum(x[0]) : x[0]; };
  EXPECT_EQ(check(fickle).verdict(), Verdict::fail);
}

TEST(CheckGradients, AnExceptionIsAFinding) {
  const CheckReport report = check_gradients([](auto x) { return multiply(x[0], x[1]); }, {{{2}}, {{3}}});
  EXPECT_EQ(report.verdict(), Verdict::fail);
  EXPECT_THAT(report.text(), HasSubstr("multiply"));
}

TEST(CheckGradients, AFunctionOfDoubleAloneIsJudgedByDifferences) {
  const CheckReport right = check_gradients([](Inputs<double> x) { return exp(x[0]); }, {{{3}}});
  EXPECT_TRUE(right.passed()) << right.text();
  EXPECT_TRUE(std::isnan(right.derivatives[0].complex_step));
  const CheckReport wrong = check_gradients(
      [](Inputs<double> x) {
        return exp_with_slope(x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) { return 1.000001 * y[i] * d_y[i]; });
      },
      {{{3}}});
  EXPECT_EQ(wrong.verdict(), Verdict::fail);
}

// A function so noisy that no differences are good enough: nobody can say that its gradient is right.
TEST(CheckGradients, WhatCannotBeDecidedIsInconclusive) {
  const auto rough = [](Inputs<double> x) {
    const Shape shape = x[0].shape();
    double* y = x[0].tape().allocate(shape.size());
    for (std::int64_t i = 0; i < shape.size(); ++i)
      y[i] = static_cast<double>(static_cast<float>(std::exp(x[0].data()[i])));
    return x[0].tape().record("rough", shape, y, {x[0]}, [=, in = x[0]](Pull<double>& pull) {
      const double* d_y = pull.d_output();
      if (auto d_x = pull.into(in)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return y[i] * d_y[i]; });
    });
  };
  const CheckReport report = check_gradients(rough, {{{3}}});
  EXPECT_EQ(report.verdict(), Verdict::inconclusive) << report.text();
  EXPECT_THAT(report.text(), HasSubstr("INCONCLUSIVE"));
}

}  // namespace
}  // namespace tapehead
