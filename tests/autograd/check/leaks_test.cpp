// What reaches what, in small problems where that is known.
#include "autograd/check/leaks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "autograd/base/errors.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/slice.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

constexpr Shape kPoints{4, 5, 3};
constexpr std::int32_t kLengths[] = {5, 3, 4};

template <Scalar T>
Var<T> attended(Inputs<T> x, const Mask& mask) {
  using Block = RowBlock<T>;
  return attention(Block::all(x[0]), Block::all(x[0]), Block::all(x[0]), {.heads = 2, .mask = mask}).context;
}

Problem problem_of(GenericFunction function, std::size_t inputs = 1) {
  return {std::move(function), std::vector<InputSpec>(inputs, InputSpec{.shape = kPoints}), 1};
}

std::int64_t pairs(const LeakReport& report, Leak leak) { return report.pairs[static_cast<std::size_t>(leak)]; }

const LeakFinding* found(const LeakReport& report, Leak leak) {
  const auto at = std::ranges::find(report.findings, leak, &LeakFinding::leak);
  return at == report.findings.end() ? nullptr : &*at;
}

// x, and `share` of the slice before.
template <Scalar T>
Var<T> with_neighbour(Var<T> x, double share) {
  const std::array parts{slice(x, Axis::slices, 2, 1), slice(x, Axis::slices, 0, 2)};
  return add(x, scale(concatenate<T>(parts, Axis::slices), share));
}

TEST(Leaks, WhatIsMaskedHasNoInfluenceAndEverythingElseHas) {
  const Mask mask = Mask::causal() & Lengths{kLengths};
  const LeakReport report = find_leaks(problem_of([=](auto x) { return attended(x, mask); }),
                                       {.inputs = {{.ahead = false, .lengths = {5, 3, 4}}}, .lengths = {5, 3, 4}});
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(pairs(report, Leak::future), 3 * 10);
  EXPECT_EQ(pairs(report, Leak::padding), 3 * 2 + 4 * 1);
  EXPECT_EQ(pairs(report, Leak::example), 3 * 2 * 5);
  const Influence& influence = report.influences.at(0);
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t t = 0; t < 5; ++t) {
      for (std::int64_t k = 0; k < 5; ++k) {
        const bool reaches = k <= t && (k < kLengths[b] || k == t);  // a query is a query, too
        EXPECT_EQ(influence.forward[influence.at(k, t, b)] != 0, reaches) << b << ": " << t << " of " << k;
        EXPECT_EQ(influence.backward[influence.at(k, t, b)] != 0, reaches) << b << ": " << t << " of " << k;
      }
    }
  }
}

TEST(Leaks, OnePlaceTooFarIsTheFuture) {
  const Problem problem = problem_of([](auto x) { return attended(x, Mask(Causal{1})); });
  const LeakReport report = find_leaks(problem, {.inputs = {{.ahead = false}}});
  const LeakFinding* leak = found(report, Leak::future);
  ASSERT_NE(leak, nullptr);
  EXPECT_EQ(leak->from, leak->output + 1);
  EXPECT_GT(leak->forward, 0);
  EXPECT_GT(leak->backward, 0);
  EXPECT_EQ(found(report, Leak::example), nullptr);
}

TEST(Leaks, KeysPastTheEndArePadding) {
  const Problem problem = problem_of([](auto x) { return attended(x, Mask::everything()); });
  const LeakReport report = find_leaks(problem, {.inputs = {{.lengths = {5, 3, 4}}}, .lengths = {5, 3, 4}});
  const LeakFinding* leak = found(report, Leak::padding);
  ASSERT_NE(leak, nullptr);
  EXPECT_GE(leak->from, kLengths[leak->example]);
  EXPECT_LT(leak->output, kLengths[leak->example]);
}

TEST(Leaks, AShareOfABillionthOfAnotherExampleIsFound) {
  for (const double share : {1.0, 1e-9, 1e-40}) {
    const Problem problem = problem_of([share](auto x) { return with_neighbour(attended(x, Mask::causal()), share); });
    const LeakReport report = find_leaks(problem, {.inputs = {{.ahead = false}}});
    const LeakFinding* leak = found(report, Leak::example);
    ASSERT_NE(leak, nullptr) << share;
    EXPECT_EQ(leak->example, (leak->from_example + 1) % 3);
    // What comes from elsewhere is not taken for the future.
    EXPECT_EQ(found(report, Leak::future), nullptr) << share;
  }
}

// x, whose pullback also hands each column the gradient of the one before: the forward pass knows nothing of it.
template <Scalar T>
Var<T> with_stray_gradient(Var<T> x) {
  const auto [rows, columns, slices] = x.shape();
  const std::int64_t count = x.shape().size();
  T* y = x.tape().allocate(count);
  std::copy_n(x.data(), count, y);
  return x.tape().record("stray", x.shape(), y, {x}, [=, rows = rows](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x))
      d_x.accumulate(count, [=](std::int64_t i) { return d_y[i] + (i < rows ? T(0) : d_y[i - rows]); });
  });
}

TEST(Leaks, AGradientThatStraysIsFoundThoughTheForwardPassIsClean) {
  const Problem problem = problem_of([](auto x) { return with_stray_gradient(x[0]); });
  const LeakReport report = find_leaks(problem, {.inputs = {{.ahead = false}}});
  const LeakFinding* future = found(report, Leak::future);
  ASSERT_NE(future, nullptr);
  EXPECT_EQ(future->forward, 0);
  EXPECT_EQ(future->from, future->output + 1);
  ASSERT_NE(found(report, Leak::example), nullptr) << "the last column of an example stands before the next example";
  EXPECT_EQ(found(report, Leak::example)->forward, 0);
}

TEST(Leaks, SeveralInputsHaveRulesOfTheirOwn) {
  const Problem problem = problem_of([](auto x) { return add(attended(x, Mask::causal()), x[1]); }, 2);
  const LeakReport clean = find_leaks(problem, {.inputs = {{.ahead = false}, {.ahead = false}}});
  EXPECT_TRUE(clean.findings.empty());
  EXPECT_EQ(clean.influencing, 3 * (15 + 5));
  EXPECT_THROW(find_leaks(problem, {.inputs = {{.ahead = false}}}), ShapeError);
}

TEST(Leaks, RefusesAnInputWithoutExamples) {
  Problem problem([](auto x) { return add(x[0], slice(x[1], Axis::slices, 0, 1)); },
                  {{.shape = {4, 5, 1}}, {.shape = {4, 5, 2}, .name = "two"}}, 1);
  try {
    find_leaks(problem, {.inputs = {{}, {}}});
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("two is (4, 5, 2) and the output (4, 5)"));
  }
}

}  // namespace
}  // namespace tapehead
