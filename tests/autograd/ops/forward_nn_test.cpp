// Edges of the column and token ops: what the plain loops, which see one call on harmless numbers, cannot show.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/base/random.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/affine.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/dropout.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/sum.hpp"

namespace tapehead {
namespace {

// Three examples of four, one and three tokens, padded to four.
constexpr std::int32_t kTargets[] = {4, 2, 6, 1, /**/ 3, 0, 0, 0, /**/ 5, 5, 1, 0};
constexpr std::int32_t kLengths[] = {4, 1, 3};
constexpr TokenView kExpected{kTargets, kLengths, 4, 4, 3};
constexpr Shape kLogitShape{7, 4, 3};
constexpr double kCounted = 8;

template <Scalar T>
std::vector<T> random_values(const Shape& shape) {
  const RandomStream random(3, Purpose::test);
  std::vector<T> values;
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    values.push_back(static_cast<T>(random.normal(static_cast<std::uint32_t>(i))));
  }
  return values;
}

template <Scalar T>
std::vector<T> gradient_of(const Tape<T>& tape, Var<T> x) {
  return {tape.gradient(x), tape.gradient(x) + x.shape().size()};
}

template <class T>
class CrossEntropyOf : public testing::Test {};
using Scalars = testing::Types<float, double, std::complex<double>>;
TYPED_TEST_SUITE(CrossEntropyOf, Scalars);

TYPED_TEST(CrossEntropyOf, ALinearLayerIsTheSameInOneOpAndInTwo) {
  using T = TypeParam;
  const Shape shapes[] = {{5, 4, 3}, {5, 7}, {7}};
  std::vector<T> values[] = {random_values<T>(shapes[0]), random_values<T>(shapes[1]), random_values<T>(shapes[2])};
  const CrossEntropyOptions options{.label_smoothing = 0.1};
  const auto run = [&](Tape<T>& tape, bool fused) {
    std::vector<Var<T>> x;
    x.reserve(3);
    for (int i = 0; i < 3; ++i) x.push_back(tape.input(shapes[i], values[i].data()));
    const Var<T> loss = fused ? linear_cross_entropy(x[0], x[1], x[2], kExpected, options)
                              : cross_entropy(affine(x[0], x[1], x[2]), kExpected, options);
    tape.backward(loss);
    std::vector<T> numbers{loss.item()};
    for (const Var<T>& input : x) {
      const std::vector<T> gradient = gradient_of(tape, input);
      numbers.insert(numbers.end(), gradient.begin(), gradient.end());
    }
    return numbers;
  };
  Tape<T> one, two;
  const std::vector<T> fused = run(one, true);
  const std::vector<T> composed = run(two, false);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    EXPECT_NEAR(std::abs(fused[i] - composed[i]), 0, (std::is_same_v<T, float> ? 2e-6 : 1e-14)) << i;
  }
}

TEST(LinearCrossEntropy, IsTheSameWhereNothingIsKept) {
  constexpr std::int64_t kColumns = 150;  // more than one block
  std::vector<std::int32_t> targets(kColumns);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<std::int32_t>(i % 7);  // some are padding
  const std::int32_t length = kColumns;
  const TokenView expected{targets.data(), &length, kColumns, kColumns, 1};
  const auto x = random_values<double>({5, kColumns});
  const auto w = random_values<double>({5, 7});
  const auto b = random_values<double>({7});
  Tape<double> tape;
  const auto loss = [&] {
    return linear_cross_entropy(tape.input({5, kColumns}, x.data()), tape.input({5, 7}, w.data()),
                                tape.input({7}, b.data()), expected)
        .item();
  };
  const double kept = loss();
  const NoGrad<double> none(tape);
  EXPECT_NEAR(loss(), kept, 1e-13);
}

TYPED_TEST(CrossEntropyOf, SimpleOpsHasTheSameValueAndGradient) {
  using T = TypeParam;
  const double smoothing = 0.1;
  const auto logits = random_values<T>(kLogitShape);
  std::vector<T> shares;
  for (const std::int32_t target : kTargets) {
    for (std::int32_t v = 0; v < 7; ++v) {
      shares.push_back(static_cast<T>(target == kPadding ? 0 : (v == target ? 1 - smoothing : 0) + smoothing / 7));
    }
  }
  Tape<T> fused;
  const Var<T> x = fused.input(kLogitShape, logits.data());
  const Var<T> loss = cross_entropy(x, kExpected, {.label_smoothing = smoothing});
  fused.backward(loss);
  Tape<T> simple;
  const Var<T> z = simple.input(kLogitShape, logits.data());
  const Var<T> composed =
      scale(sum(multiply(log_softmax(z), simple.constant(kLogitShape, shares.data()))), -1 / kCounted);
  simple.backward(composed);

  const double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-14;
  EXPECT_NEAR(std::abs(loss.item() - composed.item()), 0, tolerance);
  for (std::int64_t i = 0; i < kLogitShape.size(); ++i) {
    EXPECT_NEAR(std::abs(fused.gradient(x)[i] - simple.gradient(z)[i]), 0, tolerance) << i;
  }
}

TEST(CrossEntropy, LogitsOfIgnoredTargetsMayBeAnything) {
  auto logits = random_values<double>(kLogitShape);
  Tape<double> harmless;
  const Var<double> x = harmless.input(kLogitShape, logits.data());
  const Var<double> loss = cross_entropy(x, kExpected);
  harmless.backward(loss);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (kTargets[i / 7] == kPadding) logits[i] = i % 2 == 0 ? NAN : HUGE_VAL;
  }
  Tape<double> wild;
  const Var<double> w = wild.input(kLogitShape, logits.data());
  const Var<double> same = cross_entropy(w, kExpected);
  wild.backward(same);
  EXPECT_EQ(same.item(), loss.item());
  EXPECT_EQ(gradient_of(wild, w), gradient_of(harmless, x));
}

// The gradient of another use of the logits arrives first, and must survive where targets are ignored.
TEST(CrossEntropy, IgnoredTargetsLeaveTheGradientsOfOthersAlone) {
  const auto logits = random_values<double>(kLogitShape);
  Tape<double> tape;
  const Var<double> x = tape.input(kLogitShape, logits.data());
  const Var<double> loss = cross_entropy(x, kExpected);
  tape.backward(add(loss, sum(x)));
  Tape<double> alone;
  const Var<double> z = alone.input(kLogitShape, logits.data());
  alone.backward(cross_entropy(z, kExpected));
  for (std::int64_t i = 0; i < kLogitShape.size(); ++i) {
    EXPECT_DOUBLE_EQ(tape.gradient(x)[i], 1 + alone.gradient(z)[i]) << i;
  }
}

TEST(CrossEntropy, ShardsAddUpToTheBatch) {
  const auto logits = random_values<double>(kLogitShape);
  const CrossEntropyOptions options{.label_smoothing = 0.1, .denominator = kCounted};
  Tape<double> whole;
  const Var<double> x = whole.input(kLogitShape, logits.data());
  const Var<double> loss = cross_entropy(x, kExpected, {.label_smoothing = 0.1});
  whole.backward(loss);
  double total = 0;
  std::vector<double> gradients;
  for (std::int64_t b = 0; b < 3; ++b) {
    Tape<double> tape;
    const Var<double> part = tape.input({7, 4, 1}, logits.data() + 28 * b);
    const Var<double> share = cross_entropy(part, {kTargets + 4 * b, kLengths + b, 4, 4, 1}, options);
    tape.backward(share);
    total += share.item();
    for (const double d : gradient_of(tape, part)) gradients.push_back(d);
  }
  EXPECT_NEAR(total, loss.item(), 1e-15 * 8);
  EXPECT_EQ(gradients, gradient_of(whole, x));
}

TEST(CrossEntropy, ManyLossesInFloatAddUpExactly) {
  const std::int64_t positions = 300000;
  const std::vector<float> logits(static_cast<std::size_t>(3 * positions), 0);
  const std::vector<std::int32_t> targets(static_cast<std::size_t>(positions), 1);
  const auto length = static_cast<std::int32_t>(positions);
  Tape<float> tape;
  const Var<float> x = tape.constant({3, positions}, logits.data());
  EXPECT_FLOAT_EQ(cross_entropy(x, {targets.data(), &length, positions, positions, 1}).item(), std::log(3.0F));
}

// Values lie one after the other in a fresh arena: between an input and the loss is what the op took.
TEST(CrossEntropy, KeepsOneMatrixAndWithoutAGradientOneColumn) {
  const std::int64_t words = 1000;
  const std::vector<std::int32_t> targets(20, 5);
  constexpr std::int32_t kLength = 20;
  const std::vector<double> logits(static_cast<std::size_t>(words * 20));
  const auto taken = [&](bool with_gradient) {
    Tape<double> tape;
    const Shape shape{words, 20};
    const Var<double> x = with_gradient ? tape.input(shape, logits.data()) : tape.constant(shape, logits.data());
    const Var<double> loss = cross_entropy(x, {targets.data(), &kLength, 20, 20, 1});
    return loss.data() - x.data() - shape.size();
  };
  EXPECT_NEAR(static_cast<double>(taken(true)), static_cast<double>(words * 20), 64);
  EXPECT_NEAR(static_cast<double>(taken(false)), static_cast<double>(words), 64);
}

TEST(LargeLogits, MayStandInAnyRow) {
  for (std::size_t at = 0; at < 17; ++at) {
    std::vector<float> column(17, -1e4F);
    column[at] = 1e4F;
    const auto target = static_cast<std::int32_t>(at == 3 ? 4 : 3);
    constexpr std::int32_t kLength = 1;
    Tape<float> tape;
    const Var<float> x = tape.constant({17}, column.data());
    const Var<float> p = softmax(x);
    const Var<float> log_p = log_softmax(x);
    for (std::size_t i = 0; i < 17; ++i) {
      EXPECT_EQ(p.data()[i], i == at ? 1 : 0);
      EXPECT_EQ(log_p.data()[i], i == at ? 0 : -2e4F);
    }
    EXPECT_EQ(cross_entropy(x, {&target, &kLength, 1, 1, 1}).item(), 2e4F);
  }
}

// With x̂ = 0 the output is the bias, and d_x is gain ∘ d_y about its mean, divided by √ε.
TEST(LayerNorm, AColumnOfEqualValuesGivesItsBias) {
  constexpr double kGain[] = {2, -1, 3, 1};
  constexpr double kBias[] = {0.5, 1.5, -2.5, 0};
  constexpr double kCotangent[] = {1, 1, 1, 1, /**/ 0, 0, 0, 4};
  const std::vector<double> equal{3, 3, 3, 3, /**/ -1e6, -1e6, -1e6, -1e6};
  Tape<double> tape;
  const Var<double> x = tape.input({4, 2}, equal.data());
  const Var<double> gain = tape.input({4}, kGain);
  const Var<double> bias = tape.input({4}, kBias);
  const Var<double> y = layer_norm(x, gain, bias, 1e-4);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(y.data()[i], kBias[i % 4]);
  tape.backward(y, kCotangent);
  constexpr double kExpectedGradient[] = {75, -225, 175, -25, /**/ -100, -100, -100, 300};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(tape.gradient(x)[i], kExpectedGradient[i], 1e-11) << i;
  EXPECT_EQ(gradient_of(tape, gain), std::vector<double>(4, 0));
  EXPECT_EQ(gradient_of(tape, bias), (std::vector<double>{1, 1, 1, 5}));
}

TEST(Dropout, DroppedElementsMayBeAnything) {
  const std::vector<double> wild(64, NAN);
  const RandomStream random(5, Purpose::dropout);
  Tape<double> tape;
  const Var<double> x = tape.input({16, 4}, wild.data());
  const Var<double> y = dropout(x, 0.5, random);
  tape.backward(y, wild.data());
  int dropped = 0;
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(std::isnan(y.data()[i]), std::isnan(tape.gradient(x)[i])) << i;
    if (std::isnan(y.data()[i])) continue;
    EXPECT_EQ(y.data()[i], 0);
    EXPECT_EQ(tape.gradient(x)[i], 0);
    ++dropped;
  }
  EXPECT_GT(dropped, 0);
}

TEST(Dropout, RateZeroIsTheInputItself) {
  const std::vector<double> values(6, 1);
  Tape<double> tape;
  const Var<double> x = tape.input({3, 2}, values.data());
  EXPECT_EQ(dropout(x, 0, RandomStream(5, Purpose::dropout)).data(), x.data());
}

}  // namespace
}  // namespace tapehead
