#include "autograd/check/shrink.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "autograd/ops/exp.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/tape.hpp"
#include "tests/support/slip.hpp"

namespace tapehead {
namespace {

using testing_support::slip;

ProblemCase case_of(const GenericFunction& call, std::vector<InputSpec> inputs) {
  OpSpec spec{"wrong", {{"all", std::move(inputs), call}}};
  return problem_cases(spec)[0];
}

// y = x, whose pullback is wrong for numbers above a half alone.
template <Scalar T>
Var<T> wrong_above_a_half(Var<T> x) {
  const std::int64_t count = x.shape().size();
  T* y = x.tape().allocate(count);
  std::copy_n(x.data(), count, y);
  return x.tape().record("wrong", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(count, [=](std::int64_t i) { return std::real(x.data()[i]) > 0.5 ? T(2) * d_y[i] : d_y[i]; });
    }
  });
}

TEST(Shrink, AWrongPullbackIsShownInOneElement) {
  const auto found = shrink(case_of([](auto x) { return slip(x[0], 0.5); }, {{{7, 5, 3}}}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shapes, std::vector<Shape>{Shape{}});
  EXPECT_EQ(found->point, std::vector<double>{0});
  EXPECT_EQ(found->report.verdict(), Verdict::fail);
}

TEST(Shrink, SizesThatBelongTogetherShrinkTogether) {
  const auto found = shrink(case_of([](auto x) { return slip(matmul(x[0], x[1]), 0.5); }, {{{6, 4}}, {{4, 5}}}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shapes, (std::vector<Shape>{{1, 1}, {1, 1}}));
  EXPECT_LE(std::ranges::count(found->point, 0.0) + std::ranges::count(found->point, 1.0), 2);
}

TEST(Shrink, NumbersBecomeRoundWhereItStillFails) {
  const auto found = shrink(case_of([](auto x) { return wrong_above_a_half(x[0]); }, {{{6, 4}}}));
  ASSERT_TRUE(found);
  EXPECT_LE(found->shapes[0].size(), 6);
  EXPECT_GT(std::ranges::count(found->point, 1.0), 0);
  for (const double number : found->point) EXPECT_TRUE(number == 0 || number == 1) << number;
}

TEST(Shrink, KeepsToTheFailureThatItBeganWith) {
  // Shapes that throw fail, too, but not so.
  const auto needs_three = [](auto x) {
    if (x[0].shape().rows < 3) throw std::invalid_argument("three rows at least");
    return slip(x[0], 0.5);
  };
  const auto found = shrink(case_of(needs_three, {{{8, 2}}}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shapes[0].rows, 3);
  EXPECT_EQ(found->shapes[0].columns, 1);
}

TEST(Shrink, OfARightCaseThereIsNothing) {
  EXPECT_FALSE(shrink(case_of([](auto x) { return exp(x[0]); }, {{{3, 2}}})));
}

// These are compiled and run, each for itself.
TEST(Shrink, ProgramsAreThoseOfTheTestsOfDocuments) {
  const auto expect_program = [](const std::string& kind, const ShrunkCase& shrunk) {
    const std::string file = PROJECT_FOLDER "/tests/docs/shrunk_" + kind + ".cpp";
    std::ifstream in(file);
    const std::string written{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(as_program(shrunk), written) << file;
  };
  expect_program("op", {.name = "ops/softmax/K5_Q3", .seed = 4, .shapes = {{2}}, .point = {0.25, 1}, .report = {}});
  expect_program("layer", {.name = "layers/linear/in6_out5", .seed = 1, .shapes = {}, .point = {}, .report = {}});
  expect_program("model", {.name = "models/encoder/two_layers",
                           .seed = 2,
                           .precision = CheckedPrecision::single_precision,
                           .shapes = {},
                           .point = {},
                           .report = {}});
}

}  // namespace
}  // namespace tapehead
