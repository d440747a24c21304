// What a check looks at beside derivatives by differences: kinks, rules of dual numbers, bits that repeat, masks,
// single ops, inputs.
#include "autograd/check/check.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "autograd/branches.hpp"
#include "autograd/check/nodes.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/sum.hpp"
#include "tests/autograd/check/planted.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

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
