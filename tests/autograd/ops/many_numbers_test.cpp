// Sums of very many numbers in float: one number that grows must not swallow what is added to it.

#include <gtest/gtest.h>

#include <vector>

#include "autograd/ops/add_broadcast.hpp"
#include "autograd/ops/affine.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/embedding.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/mean.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/sum.hpp"

namespace tapehead {
namespace {

// A value (rows, count / rows) of equal numbers, without a second copy of it.
Var<float> many(Tape<float>& tape, Shape shape, float value) {
  float* values = tape.allocate(shape.size());
  std::fill_n(values, shape.size(), value);
  return tape.record("many", shape, values, {}, [](Pull<float>&) {});
}

TEST(ManyNumbers, TheMeanOfOnesIsOne) {
  constexpr std::int64_t kCount = std::int64_t{1} << 25;
  Tape<float> tape;
  const auto ones = many(tape, {kCount}, 1);
  EXPECT_EQ(mean(ones).item(), 1.0F);
  EXPECT_EQ(sum(ones).item(), static_cast<float>(kCount));
}

// Sixteen lanes that each count ones stop at 2^28.
TEST(ManyNumbers, SumsDoNotStopAtAnyCount) {
  constexpr std::int64_t kCount = (std::int64_t{1} << 29) + 4096;
  EXPECT_EQ(sum_over<float>(kCount, [](std::int64_t) { return 1.0F; }), static_cast<float>(kCount));
}

TEST(ManyNumbers, SumsDependOnTheirCountAlone) {
  for (const std::int64_t count : {0, 1, 15, 16, 17, 4095, 4096, 4097, 8192, 8193, 100003}) {
    double expected = 0;
    for (std::int64_t i = 0; i < count; ++i) expected += static_cast<double>(i % 7);
    EXPECT_EQ(sum_over<double>(count, [](std::int64_t i) { return static_cast<double>(i % 7); }), expected) << count;
    const auto found = sum_over<std::complex<double>>(
        count, [](std::int64_t i) { return std::complex<double>(static_cast<double>(i % 7), 1); });
    EXPECT_EQ(found, std::complex<double>(expected, static_cast<double>(count))) << count;
  }
}

constexpr std::int64_t kPoints = std::int64_t{1} << 20;
constexpr float kTenth = 0.1F;

// One after another, a million tenths come out a hundredth too small or large; in a thousand blocks of a thousand, by
// two thousand roundings at most.
void expect_sum_of_tenths(const float* found, std::int64_t count, std::int64_t points = kPoints) {
  ASSERT_NE(found, nullptr);
  const double expected = static_cast<double>(kTenth) * static_cast<double>(points);
  for (std::int64_t i = 0; i < count; ++i) EXPECT_NEAR(found[i] / expected, 1, 1e-4) << i;
}

TEST(ManyNumbers, ABiasGathersThemAll) {
  Tape<float> tape;
  const float numbers[] = {1, 1, 1};
  const auto x = many(tape, {1, kPoints}, 1);
  const auto weight = tape.input({1, 3}, numbers);
  const auto bias = tape.input({3}, numbers);
  const auto y = affine(x, weight, bias);
  const std::vector<float> d_y(static_cast<std::size_t>(3 * kPoints), kTenth);
  tape.backward(y, d_y.data());
  expect_sum_of_tenths(tape.gradient(bias), 3);
  expect_sum_of_tenths(tape.gradient(weight), 3);
}

TEST(ManyNumbers, GainsAndBiasesOfNormsGatherThemAll) {
  const float numbers[] = {1, 1};
  const std::vector<float> d_y(static_cast<std::size_t>(2 * kPoints), kTenth);
  {
    Tape<float> tape;
    const auto x = many(tape, {2, kPoints}, 1);
    const auto gain = tape.input({2}, numbers);
    const auto bias = tape.input({2}, numbers);
    tape.backward(layer_norm(x, gain, bias), d_y.data());
    expect_sum_of_tenths(tape.gradient(bias), 2);
  }
  Tape<float> tape;
  const auto x = many(tape, {2, kPoints}, 1);
  const auto gain = tape.input({2}, numbers);
  tape.backward(rms_norm(x, gain, 1e-12), d_y.data());
  expect_sum_of_tenths(tape.gradient(gain), 2);
}

TEST(ManyNumbers, WhatIsSpreadOverAllGathersThemAll) {
  const std::vector<float> d_y(static_cast<std::size_t>(2 * kPoints), kTenth);
  const float numbers[] = {1, 1, 1, 1};
  {
    Tape<float> tape;
    const auto term = tape.input({2}, numbers);
    tape.backward(add_broadcast(many(tape, {2, kPoints}, 1), term), d_y.data());
    expect_sum_of_tenths(tape.gradient(term), 2);
  }
  Tape<float> tape;
  const auto table = tape.input({2, 2}, numbers);
  tape.backward(add_broadcast(many(tape, {2, 2, kPoints / 2}, 1), table), d_y.data());
  expect_sum_of_tenths(tape.gradient(table), 4, kPoints / 2);
}

TEST(ManyNumbers, ATableGathersThemAll) {
  Tape<float> tape;
  const float numbers[] = {1, 1, 1, 1, 1, 1};
  const auto table = tape.input({2, 3}, numbers);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(kPoints), 1);
  const std::int32_t lengths[] = {static_cast<std::int32_t>(kPoints)};
  const std::vector<float> d_y(static_cast<std::size_t>(2 * kPoints), kTenth);
  tape.backward(embedding(table, {ids.data(), lengths, kPoints, kPoints, 1}), d_y.data());
  expect_sum_of_tenths(tape.gradient(table) + 2, 2);
  EXPECT_EQ(tape.gradient(table)[0], 0);
  EXPECT_EQ(tape.gradient(table)[5], 0);
}

TEST(ManyNumbers, TheBiasOfALossGathersThemAll) {
  Tape<float> tape;
  const float zeros[] = {0, 0, 0, 0, 0};
  const auto x = many(tape, {1, kPoints}, 0);
  const auto weight = tape.input({1, 5}, zeros);
  const auto bias = tape.input({5}, zeros);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(kPoints), 4);
  const std::int32_t lengths[] = {static_cast<std::int32_t>(kPoints)};
  tape.backward(linear_cross_entropy(x, weight, bias, {ids.data(), lengths, kPoints, kPoints, 1}, {.denominator = 2}));
  expect_sum_of_tenths(tape.gradient(bias), 4);  // a fifth each, of half a point
}

TEST(ManyNumbers, ALongColumnOfLogSoftmaxGathersThemAll) {
  Tape<float> tape;
  const auto zeros = std::vector<float>(static_cast<std::size_t>(kPoints), 0.0F);
  const auto x = tape.input({kPoints}, zeros.data());
  std::vector<float> d_y(static_cast<std::size_t>(kPoints), kTenth);
  d_y[0] = 0;
  tape.backward(log_softmax(x), d_y.data());  // d_x[0] = 0 - softmax · Σ d_y
  EXPECT_NEAR(tape.gradient(x)[0], -kTenth, 1e-6);
}

}  // namespace
}  // namespace tapehead
