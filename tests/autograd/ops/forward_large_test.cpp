// Logits of ±10⁴, in float: exp of them is infinite or zero, yet each of these results is finite and right.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/softmax.hpp"

namespace tapehead {
namespace {

// One column each: one element far above, all equal and far below, two far above.
constexpr float kLogits[] = {1e4F, 0, -1e4F, 1, /**/ -1e4F, -1e4F, -1e4F, -1e4F, /**/ 1e4F, 1e4F, -1e4F, 0};

std::vector<float> gradient_of(Tape<float>& tape, Var<float> x, Var<float> y) {
  const std::vector<float> d_y(static_cast<std::size_t>(y.shape().size()), 1);
  tape.backward(y, d_y.data());
  return {tape.gradient(x), tape.gradient(x) + x.shape().size()};
}

TEST(LargeLogits, SoftmaxIsExact) {
  Tape<float> tape;
  const Var<float> x = tape.input({4, 3}, kLogits);
  const Var<float> y = softmax(x);
  const std::vector<float> expected{1, 0, 0, 0, 0.25F, 0.25F, 0.25F, 0.25F, 0.5F, 0.5F, 0, 0};
  EXPECT_EQ(std::vector<float>(y.data(), y.data() + 12), expected);
  for (const float d : gradient_of(tape, x, y)) EXPECT_EQ(d, 0);  // the sum of a softmax is constant
}

TEST(LargeLogits, LogSoftmaxIsExact) {
  Tape<float> tape;
  const Var<float> x = tape.input({4, 3}, kLogits);
  const Var<float> y = log_softmax(x);
  const auto log2 = static_cast<float>(std::log(2.0));
  const std::vector<float> expected{0,         -1e4F,     -2e4F, -9999, -2 * log2,    -2 * log2,
                                    -2 * log2, -2 * log2, -log2, -log2, -2e4F - log2, -1e4F - log2};
  for (std::size_t i = 0; i < 12; ++i) EXPECT_FLOAT_EQ(y.data()[i], expected[i]) << i;
  for (const float d : gradient_of(tape, x, y)) EXPECT_TRUE(std::isfinite(d));
}

TEST(LargeLogits, CrossEntropyIsExact) {
  static constexpr std::int32_t kTargets[] = {3, 1, 1};
  static constexpr std::int32_t kLengths[] = {3};
  Tape<float> tape;
  const Var<float> x = tape.input({4, 3}, kLogits);
  const Var<float> loss = cross_entropy(x, {kTargets, kLengths, 3, 3, 1});
  EXPECT_FLOAT_EQ(loss.item(), static_cast<float>((9999 + std::log(4.0) + std::log(2.0)) / 3));
  const std::vector<float> expected{1, 0, 0, -1, 0.25F, -0.75F, 0.25F, 0.25F, 0.5F, -0.5F, 0, 0};
  const std::vector<float> found = gradient_of(tape, x, loss);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_FLOAT_EQ(found[i], expected[i] / 3) << i;
}

TEST(LargeLogits, SmoothedCrossEntropyIsExact) {
  static constexpr std::int32_t kTargets[] = {3};
  static constexpr std::int32_t kLengths[] = {1};
  Tape<float> tape;
  const Var<float> x = tape.input({4}, kLogits);
  const Var<float> loss = cross_entropy(x, {kTargets, kLengths, 1, 1, 1}, {.label_smoothing = 0.2});
  // log Σ exp = 10⁴; the target's share 0.8 of 1, the others 0.05 of 10⁴, 0, −10⁴ and 1.
  EXPECT_FLOAT_EQ(loss.item(), static_cast<float>(1e4 - 0.8 - 0.05));
}

TEST(LargeLogits, SigmoidIsExact) {
  constexpr float kValues[] = {1e4F, -1e4F, 100, -100, 0};
  Tape<float> tape;
  const Var<float> x = tape.input({5}, kValues);
  const Var<float> y = sigmoid(x);
  EXPECT_EQ(y.data()[0], 1);
  EXPECT_EQ(y.data()[1], 0);
  EXPECT_EQ(y.data()[2], 1);
  EXPECT_FLOAT_EQ(y.data()[3], static_cast<float>(std::exp(-100.0)));
  EXPECT_EQ(y.data()[4], 0.5F);
  const std::vector<float> d_x = gradient_of(tape, x, y);
  EXPECT_EQ(d_x[0], 0);
  EXPECT_EQ(d_x[1], 0);
  EXPECT_EQ(d_x[4], 0.25F);
}

}  // namespace
}  // namespace tapehead
