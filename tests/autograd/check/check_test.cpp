// Right ops pass, planted bugs are found and named.
#include "autograd/check/check.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/branches.hpp"
#include "autograd/check/nodes.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/sum.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

// y = exp(x), with a pullback of one's own: pull(x, y, d_y, sink).
template <Scalar T, class F>
Var<T> exp_with(Var<T> x, F pull) {
  const Shape shape = x.shape();
  T* y = x.tape().allocate(shape.size());
  for (std::int64_t i = 0; i < shape.size(); ++i) y[i] = std::exp(x.data()[i]);
  return x.tape().record("exp_with", shape, y, {x}, [=](Pull<T>& p) { pull(shape, y, p.d_output(), p.into(x)); });
}

// The same with d_x[i] = slope(shape, y, d_y, i).
template <Scalar T, class F>
Var<T> exp_with_slope(Var<T> x, F slope) {
  return exp_with(x, [slope](Shape shape, const T* y, const T* d_y, Sink<T> d_x) {
    d_x.accumulate(shape.size(), [=](std::int64_t i) { return slope(shape, y, d_y, i); });
  });
}

CheckReport check(GenericFunction function, const Shape& shape = {4, 4, 2}) {
  return check_gradients(std::move(function), {{.shape = shape, .name = "x"}});
}

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

// The largest of each column: the kink lies where two elements are equal.
template <Scalar T>
Var<T> column_maximum(Var<T> x, double factor = 1) {
  const Shape shape = x.shape();
  Tape<T>& tape = x.tape();
  T* y = tape.allocate(shape.points());
  auto* place = tape.template allocate_as<std::int64_t>(shape.points());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* column = x.data() + n * shape.rows;
    const auto less = [](const T& a, const T& b) { return real_part(a) < real_part(b); };
    place[n] = std::max_element(column, column + shape.rows, less) - column;
    y[n] = column[place[n]];
  }
  note_branches(tape, shape.points(), [place](std::int64_t n) { return place[n]; });
  return tape.record("maximum", {1, shape.columns, shape.slices}, y, {x}, [=](Pull<T>& pull) {
    auto d_x = pull.into(x);
    d_x.zero_if_fresh(shape.size());
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      d_x.data[place[n] + n * shape.rows] += static_cast<Real<T>>(factor) * pull.d_output()[n];
    }
  });
}

TEST(CheckGradients, KinksBetweenProbesDoNotDeceive) {
  OpSpec spec{"maximum", {{"R6_C40", {{{6, 40}}}, [](auto x) { return column_maximum(x[0]); }}}};
  spec.dual_by_hand = true;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const CheckReport report = check_problem(problem_cases(spec)[0], {.seed = seed});
    EXPECT_TRUE(report.passed()) << report.text();
  }
  OpSpec wrong{"maximum", {{"R6_C40", {{{6, 40}}}, [](auto x) { return column_maximum(x[0], 1.00001); }}}};
  wrong.dual_by_hand = true;
  EXPECT_EQ(check_problem(problem_cases(wrong)[0]).diagnosis(), Diagnosis::factor);
}

TEST(CheckGradients, ASampleOnAKinkIsDrawnAgain) {
  // The first sample lies on the kink; a later one does not.
  const ProblemCase on_a_kink{"kink", [](std::uint64_t seed) {
                                Problem problem([](auto x) { return column_maximum(x[0]); }, {{{3, 2}}}, seed);
                                problem.dual_by_hand = true;
                                if (seed == 1) problem.point() = {1, 1, 0, 0.5, 0, 2};
                                return problem;
                              }};
  const CheckReport report = check_problem(on_a_kink);
  EXPECT_TRUE(report.passed()) << report.text();
  EXPECT_EQ(report.redrawn, 1);
  EXPECT_NE(report.seed, 1U);
}

TEST(CheckGradients, ADualRuleThatIsWrongIsNotTakenForTruth) {
  // Its derivative is wrong in the same way on the tape and for dual numbers: only differences can tell.
  const auto wrong = [](auto x) {
    using T = std::remove_cvref_t<decltype(*x[0].data())>;
    const Shape shape = x[0].shape();
    T* y = x[0].tape().allocate(shape.size());
    for (std::int64_t i = 0; i < shape.size(); ++i) {
      if constexpr (RealScalar<T>) {
        y[i] = std::exp(x[0].data()[i]);
      } else {
        const double value = std::exp(x[0].data()[i].real());
        y[i] = {value, 1.001 * value * x[0].data()[i].imag()};
      }
    }
    return x[0].tape().record("wrong", shape, y, {x[0]}, [=, in = x[0]](Pull<T>& pull) {
      const T* d_y = pull.d_output();
      if (auto d_x = pull.into(in))
        d_x.accumulate(shape.size(), [=](std::int64_t i) { return static_cast<Real<T>>(1.001) * y[i] * d_y[i]; });
    });
  };
  OpSpec spec{"wrong", {{"R3", {{{3}}}, wrong}}};
  spec.dual_by_hand = true;
  EXPECT_EQ(check_problem(problem_cases(spec)[0]).verdict(), Verdict::fail);
}

TEST(CheckGradients, ThePullbackOnComplexNumbersIsCheckedToo) {
  const CheckReport report = check([](auto x) {
    return exp_with_slope(x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) {
      using T = std::remove_cvref_t<decltype(*y)>;
      return y[i] * d_y[i] * static_cast<Real<T>>(RealScalar<T> ? 1 : 1 + 1e-7);
    });
  });
  EXPECT_THAT(report.text(), HasSubstr("in complex numbers)"));
}

TEST(CheckGradients, ForwardAndBackwardMustRepeatTheirBits) {
  const auto counting = [calls = std::make_shared<int>(0)](auto x) {
    return exp_with_slope(x[0], [calls = calls.get()](Shape, auto* y, auto* d_y, std::int64_t i) {
      return y[i] * d_y[i] *
             static_cast<Real<std::remove_cvref_t<decltype(*y)>>>(i == 0 && ++*calls > 8 ? 1 + 4e-16 : 1);
    });
  };
  EXPECT_THAT(check(counting).text(), HasSubstr("the second time"));
}

// Attention with one head over everything, checked against a rule that forbids what lies ahead: its values leak.
TEST(CheckGradients, SeesWhatLeaksThroughAMask) {
  const auto spec = [](bool causal) {
    const auto call = [causal](auto x) {
      using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
      return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]),
                       {.mask = causal ? Mask::causal() : Mask::everything()})
          .context;
    };
    const auto input = [](const char* name) {
      return InputSpec{.shape = {3, 4}, .name = name, .parts = {{name, 0, 3, 1}}};
    };
    const AttentionRule rule{1, [](std::int64_t query, std::int64_t key, std::int64_t) { return key <= query; }};
    return OpSpec{"attention", {{"causal", {input("query"), input("key"), input("value")}, call, rule}}};
  };
  EXPECT_TRUE(check_problem(problem_cases(spec(true))[0]).passed());
  const CheckReport leaking = check_problem(problem_cases(spec(false))[0]);
  EXPECT_EQ(leaking.diagnosis(), Diagnosis::leaks_through_mask);
  EXPECT_THAT(leaking.text(), HasSubstr("though the mask forbids (head 0, query 0, key 1) of slice 0"));
}

TEST(CheckNodes, FindsTheOpAtFaultInACompositeOne) {
  const Problem problem(
      [](auto x) {
        const auto wrong =
            exp_with_slope(x[0], [](Shape, auto* y, auto* d_y, std::int64_t i) { return y[i] * d_y[i] + y[i]; });
        return sum(multiply(softmax(wrong), x[0]));
      },
      {{{4, 3}}}, 1);
  const std::vector<double> direction(12, 0.3);
  const NodeCheck nodes = check_nodes(problem, std::vector<double>{1}, direction);
  EXPECT_EQ(nodes.checked, 4);
  ASSERT_EQ(nodes.faults.size(), 1U);
  EXPECT_EQ(nodes.faults[0].op, "exp_with");
  EXPECT_EQ(nodes.faults[0].index, 1U);
}

TEST(CheckNodes, SeesAValueThatWasCopiedOffTheTape) {
  const CheckReport report =
      check([](auto x) { return multiply(x[0], x[0].tape().constant(x[0].shape(), x[0].data())); });
  EXPECT_THAT(report.text(), HasSubstr("no gradient reaches its input 1 (constant, node 1)"));
  EXPECT_EQ(report.diagnosis(), Diagnosis::not_connected) << report.text();
}

// 3 x, whose pullback writes over x when nobody needs it any more: its gradient is right.
template <Scalar T>
Var<T> tripled_in_place(Var<T> x, bool writes) {
  const std::int64_t count = x.shape().size();
  T* y = x.tape().allocate(count);
  for (std::int64_t i = 0; i < count; ++i) y[i] = T(3) * x.data()[i];
  return x.tape().record("tripled", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(count, [=](std::int64_t i) { return T(3) * d_y[i]; });
    if (writes) const_cast<T*>(x.data())[count - 1] = T(0);
  });
}

TEST(Check, FindsAnInputThatIsWrittenOver) {
  EXPECT_TRUE(check([](auto x) { return tripled_in_place(x[0], false); }).passed());
  const CheckReport report = check([](auto x) { return tripled_in_place(x[0], true); });
  EXPECT_FALSE(report.passed());
  EXPECT_THAT(report.text(), HasSubstr("this number is another after the backward pass"));
  EXPECT_THAT(report.findings, testing::Contains(testing::Field(&Finding::check, "input")));
}

}  // namespace
}  // namespace tapehead
