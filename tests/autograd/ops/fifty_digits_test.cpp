// A third oracle: values, slopes and dual numbers of rules that were written by hand, against the same functions in
// fifty digits, whose differences are exact to thirty.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <functional>

#include "autograd/check/evaluator.hpp"
#include "autograd/check/oracles.hpp"
#include "autograd/ops/affine_activation.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/gelu.hpp"
#include "autograd/ops/gelu_tanh.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/masked_entmax15.hpp"
#include "autograd/ops/masked_relu.hpp"
#include "autograd/ops/masked_sparsemax.hpp"
#include "autograd/ops/masked_top_softmax.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/silu.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/tanh.hpp"

namespace tapehead {
namespace {

using Fifty = boost::multiprecision::cpp_bin_float_50;
using Numbers = std::vector<Fifty>;

// The function of a whole point, one variable below the other, to the whole output.
struct Rule {
  std::string name;
  std::vector<InputSpec> inputs;
  GenericFunction call;
  std::function<Numbers(const Numbers&)> exact;
};

Rule curve(const std::string& name, double low, double high, GenericFunction call, Fifty (*f)(const Fifty&)) {
  return {name, {{{7, 3}, low, high}}, std::move(call), [f](const Numbers& x) {
            Numbers y;
            for (const Fifty& each : x) y.push_back(f(each));
            return y;
          }};
}

// Of columns of five.
Rule column(const std::string& name, double size, GenericFunction call, Numbers (*f)(const Numbers&)) {
  return {name, {{{5, 4}, -size, size}}, std::move(call), [f](const Numbers& x) {
            Numbers y;
            for (auto begin = x.begin(); begin != x.end(); begin += 5) {
              const Numbers one = f(Numbers(begin, begin + 5));
              y.insert(y.end(), one.begin(), one.end());
            }
            return y;
          }};
}

Fifty logistic(const Fifty& x) { return 1 / (1 + exp(-x)); }
Fifty gaussian(const Fifty& x) { return x * boost::math::erfc(Fifty(-x / sqrt(Fifty(2)))) / 2; }
Fifty rectified(const Fifty& x) { return x > 0 ? x : Fifty(0); }
Fifty gaussian_by_tanh(const Fifty& x) {
  const Fifty pi = boost::math::constants::pi<Fifty>();
  return x * (1 + tanh(sqrt(2 / pi) * (x + Fifty("0.044715") * x * x * x))) / 2;
}

Numbers soft(const Numbers& x) {
  Numbers y;
  Fifty total = 0;
  for (const Fifty& each : x) total += exp(each);
  for (const Fifty& each : x) y.push_back(exp(each) / total);
  return y;
}

Numbers log_soft(const Numbers& x) {
  Numbers y = soft(x);
  for (Fifty& each : y) each = log(each);
  return y;
}

// By sorting (Martins & Astudillo 2016, §2.2).
Numbers sparse(const Numbers& x) {
  Numbers sorted = x;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  Fifty sum = 0, threshold = 0;
  for (std::size_t k = 1; k <= sorted.size(); ++k) {
    sum += sorted[k - 1];
    if (1 + k * sorted[k - 1] > sum) threshold = (sum - 1) / k;
  }
  Numbers y;
  for (const Fifty& each : x) y.push_back(rectified(each - threshold));
  return y;
}

// By sorting (Peters, Niculae & Martins 2019, algorithm 2).
Numbers entmax(const Numbers& x) {
  Numbers sorted = x;
  for (Fifty& each : sorted) each /= 2;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  Fifty sum = 0, squares = 0, threshold = 0;
  for (std::size_t k = 1; k <= sorted.size(); ++k) {
    sum += sorted[k - 1];
    squares += sorted[k - 1] * sorted[k - 1];
    const Fifty mean = sum / k;
    const Fifty under_root = (1 - (squares - k * mean * mean)) / k;
    if (under_root >= 0 && mean - sqrt(under_root) <= sorted[k - 1]) threshold = mean - sqrt(under_root);
  }
  Numbers y;
  for (const Fifty& each : x) {
    const Fifty above = rectified(each / 2 - threshold);
    y.push_back(above * above);
  }
  return y;
}

Numbers soft_of_two(const Numbers& x) {
  Numbers sorted = x;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  Numbers y;
  const Fifty total = exp(sorted[0]) + exp(sorted[1]);
  for (const Fifty& each : x) y.push_back(each >= sorted[1] ? exp(each) / total : Fifty(0));
  return y;
}

Numbers normed(const Numbers& x) {
  Fifty mean = 0, variance = 0;
  for (const Fifty& each : x) mean += each / x.size();
  for (const Fifty& each : x) variance += (each - mean) * (each - mean) / x.size();
  Numbers y;
  for (const Fifty& each : x) y.push_back((each - mean) / sqrt(variance + Fifty(1e-5)));
  return y;
}

Numbers sized(const Numbers& x) {
  Fifty square = 0;
  for (const Fifty& each : x) square += each * each / x.size();
  Numbers y;
  for (const Fifty& each : x) y.push_back(each / sqrt(square + Fifty(1e-5)));
  return y;
}

// softmax(QᵀK / 2) of three queries, four keys, two channels; values of two.
Numbers attended(const Numbers& x) {
  constexpr std::size_t kQueries = 3, kKeys = 4, kChannels = 2;
  const auto q = [&](std::size_t c, std::size_t t) { return x[c + kChannels * t]; };
  const auto k = [&](std::size_t c, std::size_t t) { return x[c + kChannels * (kQueries + t)]; };
  const auto v = [&](std::size_t c, std::size_t t) { return x[c + kChannels * (kQueries + kKeys + t)]; };
  Numbers y;
  for (std::size_t t = 0; t < kQueries; ++t) {
    Numbers scores;
    for (std::size_t s = 0; s < kKeys; ++s) scores.push_back((q(0, t) * k(0, s) + q(1, t) * k(1, s)) / 2);
    const Numbers weights = soft(scores);
    for (std::size_t c = 0; c < kChannels; ++c) {
      Fifty sum = 0;
      for (std::size_t s = 0; s < kKeys; ++s) sum += weights[s] * v(c, s);
      y.push_back(sum);
    }
  }
  return y;
}

template <class X>
auto attention_of(X x) {
  using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
  return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), {.scale = 0.5}).context;
}

Numbers affine_gaussian(const Numbers& x) {
  constexpr std::size_t kIn = 3, kOut = 2, kColumns = 4;
  const auto in = [&](std::size_t r, std::size_t c) { return x[r + kIn * c]; };
  const auto weight = [&](std::size_t r, std::size_t c) { return x[kIn * kColumns + c + kIn * r]; };
  const auto bias = [&](std::size_t r) { return x[kIn * kColumns + kOut * kIn + r]; };
  Numbers y;
  for (std::size_t c = 0; c < kColumns; ++c) {
    for (std::size_t r = 0; r < kOut; ++r) {
      Fifty z = bias(r);
      for (std::size_t i = 0; i < kIn; ++i) z += weight(r, i) * in(i, c);
      y.push_back(gaussian(z));
    }
  }
  return y;
}

std::vector<Rule> rules() {
  std::vector<Rule> all{
      curve(
          "exp", -20, 20, [](auto x) { return exp(x[0]); }, [](const Fifty& x) -> Fifty { return exp(x); }),
      curve(
          "log", 1e-3, 20, [](auto x) { return log(x[0]); }, [](const Fifty& x) -> Fifty { return log(x); }),
      curve(
          "sigmoid", -20, 20, [](auto x) { return sigmoid(x[0]); }, logistic),
      curve(
          "relu", -2, 2, [](auto x) { return relu(x[0]); }, rectified),
      curve(
          "silu", -20, 20, [](auto x) { return silu(x[0]); }, [](const Fifty& x) -> Fifty { return x * logistic(x); }),
      column(
          "masked_relu", 2, [](auto x) { return masked_relu(x[0], {}); },
          [](const Numbers& x) {
            Numbers y;
            for (const Fifty& each : x) y.push_back(rectified(each) / x.size());
            return y;
          }),
      column(
          "masked_top_softmax", 3, [](auto x) { return masked_top_softmax(x[0], {}, 1, 2); }, soft_of_two),
      column(
          "layer_norm", 3, [](auto x) { return layer_norm(x[0]); }, normed),
      column(
          "rms_norm", 3, [](auto x) { return rms_norm(x[0]); }, sized),
      {"attention", {{{2, 3}}, {{2, 4}}, {{2, 4}}}, [](auto x) { return attention_of(x); }, attended},
      {"affine_activation",
       {{{3, 4}, -2, 2}, {{3, 2}, -2, 2}, {{2}}},
       [](auto x) { return affine_activation(x[0], x[1], x[2], Activation::gelu); },
       affine_gaussian},
  };
  for (const double size : {2.0, 20.0}) {
    const auto named = [&](const std::string& name) { return name + (size > 2 ? "_wide" : ""); };
    all.push_back(curve(
        named("tanh"), -size, size, [](auto x) { return tanh(x[0]); },
        [](const Fifty& x) -> Fifty { return tanh(x); }));
    all.push_back(curve(
        named("gelu"), -size, size, [](auto x) { return gelu(x[0]); }, gaussian));
    all.push_back(curve(
        named("gelu_tanh"), -size, size, [](auto x) { return gelu_tanh(x[0]); }, gaussian_by_tanh));
    all.push_back(column(
        named("softmax"), size, [](auto x) { return softmax(x[0]); }, soft));
    all.push_back(column(
        named("log_softmax"), size, [](auto x) { return log_softmax(x[0]); }, log_soft));
    all.push_back(column(
        named("masked_sparsemax"), size / 4, [](auto x) { return masked_sparsemax(x[0], {}); }, sparse));
    all.push_back(column(
        named("masked_entmax15"), size / 4, [](auto x) { return masked_entmax15(x[0], {}); }, entmax));
  }
  return all;
}

Numbers moved(const Numbers& x, const Direction& along, const Fifty& by) {
  Numbers there = x;
  for (std::size_t i = 0; i < along.values.size(); ++i) {
    there[static_cast<std::size_t>(along.first) + i] += by * along.values[i];
  }
  return there;
}

Numbers tangents(const Rule& rule, const Numbers& x, const Direction& along) {
  const Fifty h("1e-16");
  const Numbers above = rule.exact(moved(x, along, h));
  Numbers slopes = rule.exact(moved(x, along, -h));
  for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = (above[i] - slopes[i]) / (2 * h);
  return slopes;
}

double allowed(const Numbers& numbers) {
  double largest = 0;
  for (const Fifty& each : numbers) largest = std::max(largest, std::abs(static_cast<double>(each)));
  return 32 * 0x1p-53 * largest + 0x1p-52;
}

class FiftyDigits : public testing::TestWithParam<Rule> {};

// To some units in the last place of the largest number that is compared, and of one: what is far smaller may have
// cancelled, as 1 − y² does.
TEST_P(FiftyDigits, ValuesSlopesAndDualNumbersAreRight) {
  const Rule& rule = GetParam();
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const Problem problem(rule.call, rule.inputs, seed);
    const Numbers x(problem.point().begin(), problem.point().end());
    const Numbers y = rule.exact(x);
    Evaluator<double> evaluator(problem);
    const auto value = evaluator.value();
    ASSERT_EQ(value.size(), y.size());
    for (std::size_t o = 0; o < y.size(); ++o) {
      ASSERT_NEAR(value[o], static_cast<double>(y[o]), allowed(y)) << "value " << o << ", seed " << seed;
    }

    const Direction along = Direction::random(0, problem.size(), seed);
    const std::vector<double> cotangent = Direction::random(0, std::ssize(y), seed + 1).values;
    Oracles oracles(problem, cotangent);
    const std::vector<double> dual = oracles.tangents(along);
    const Numbers slopes = tangents(rule, x, along);
    for (std::size_t o = 0; o < y.size(); ++o) {
      ASSERT_NEAR(dual[o], static_cast<double>(slopes[o]), allowed(slopes)) << "dual number " << o << ", seed " << seed;
    }

    const std::vector<double> gradient = evaluator.gradient(cotangent);
    Numbers exact;
    for (std::int64_t i = 0; i < problem.size(); ++i) {
      Fifty sum = 0;
      const Numbers one = tangents(rule, x, Direction::along(i));
      for (std::size_t o = 0; o < one.size(); ++o) sum += cotangent[o] * one[o];
      exact.push_back(sum);
    }
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      ASSERT_NEAR(gradient[i], static_cast<double>(exact[i]), allowed(exact)) << "slope " << i << ", seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, FiftyDigits, testing::ValuesIn(rules()), [](const auto& at) { return at.param.name; });

// Whatever differentiates dual numbers by a rule of its own is among them.
TEST(FiftyDigitsOfRules, EveryRuleWrittenByHandIsThere) {
  for (const OpSpec& spec : op_specs()) {
    if (!spec.dual_by_hand) continue;
    EXPECT_TRUE(std::ranges::any_of(rules(), [&](const Rule& rule) { return rule.name == spec.name; })) << spec.name;
  }
}

}  // namespace
}  // namespace tapehead
