// Right code at inputs where it saturates, cancels or is far from one: never called wrong. What rounding leaves of it
// may be too little to decide. TAPEHEAD_SEEDS=1000 checks as many samples of each, as tests/mutants/false_alarms does.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "autograd/check/check.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/exp.hpp"
#include "autograd/ops/gelu.hpp"
#include "autograd/ops/gelu_tanh.hpp"
#include "autograd/ops/layer_norm.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/mean.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/relu.hpp"
#include "autograd/ops/rms_norm.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/sigmoid.hpp"
#include "autograd/ops/silu.hpp"
#include "autograd/ops/softmax.hpp"
#include "autograd/ops/subtract.hpp"
#include "autograd/ops/sum.hpp"
#include "autograd/ops/tanh.hpp"
#include "tests/support/slip.hpp"

namespace tapehead {
namespace {

using testing_support::slip;

template <class X>
auto attend(X x, double by) {
  using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
  return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), {.scale = by}).context;
}

struct Extreme {
  std::string name;
  GenericFunction function;
  std::vector<InputSpec> inputs;
  bool dual_by_hand = false;
};

std::vector<Extreme> extremes() {
  const auto one = [](double low, double high) { return std::vector<InputSpec>{{{5, 3}, low, high}}; };
  const auto normed = [](double low, double high) { return std::vector<InputSpec>{{{5, 3}, low, high}, {{5}}, {{5}}}; };
  const auto sized = [](double low, double high) { return std::vector<InputSpec>{{{5, 3}, low, high}, {{5}}}; };
  const GenericFunction soft = [](auto x) { return softmax(x[0]); };
  const GenericFunction log_soft = [](auto x) { return log_softmax(x[0]); };
  const GenericFunction logistic = [](auto x) { return sigmoid(x[0]); };
  const GenericFunction hyperbolic = [](auto x) { return tanh(x[0]); };
  const GenericFunction gaussian = [](auto x) { return gelu(x[0]); };
  const GenericFunction rectified = [](auto x) { return relu(x[0]); };
  const GenericFunction power = [](auto x) { return exp(x[0]); };
  const GenericFunction logarithm = [](auto x) { return log(x[0]); };
  const GenericFunction norm = [](auto x) { return layer_norm(x[0], x[1], x[2]); };
  const GenericFunction size = [](auto x) { return rms_norm(x[0], x[1]); };
  return {
      {"softmax_30", soft, one(-30, 30)},
      {"softmax_100", soft, one(-100, 100)},
      {"softmax_1000", soft, one(-1000, 1000)},
      {"log_softmax_1000", log_soft, one(-1000, 1000)},
      {"sigmoid_20_40", logistic, one(20, 40)},
      {"sigmoid_1000", logistic, one(-1000, 1000)},
      {"tanh_10_30", hyperbolic, one(10, 30)},
      {"tanh_100", hyperbolic, one(-100, 100)},
      {"gelu_6_30", gaussian, one(6, 30), true},
      {"gelu_below", gaussian, one(-30, -6), true},
      {"gelu_100", gaussian, one(-100, 100), true},
      {"gelu_tanh_100", [](auto x) { return gelu_tanh(x[0]); }, one(-100, 100)},
      {"silu_100", [](auto x) { return silu(x[0]); }, one(-100, 100)},
      {"relu_1e-6", rectified, one(-1e-6, 1e-6), true},
      {"relu_1e6", rectified, one(-1e6, 1e6), true},
      {"exp_100", power, one(-100, 100)},
      {"exp_below", power, one(-700, -600)},
      {"exp_above", power, one(600, 700)},
      {"log_1e-8", logarithm, one(1e-9, 1e-8)},
      {"log_1e10", logarithm, one(1e9, 1e10)},
      {"scale_1e9", [](auto x) { return scale(x[0], 1e9); }, one(-2, 2)},
      {"multiply_1e9", [](auto x) { return multiply(x[0], x[1]); }, {{{5, 3}, -1e9, 1e9}, {{5, 3}, -1e-9, 1e-9}}},
      {"matmul_1e6", [](auto x) { return matmul(x[0], x[1]); }, {{{5, 3}, -1e6, 1e6}, {{3, 4}, -1e-6, 1e-6}}},
      {"sum_of_softmax", [](auto x) { return sum(softmax(x[0])); }, one(-2, 2)},
      {"exp_minus_itself", [](auto x) { return subtract(exp(x[0]), exp(x[0])); }, one(-2, 2)},
      {"minus_itself", [](auto x) { return subtract(x[0], x[0]); }, one(-2, 2)},
      {"mean_of_layer_norm", [](auto x) { return mean(layer_norm(x[0], x[1], x[2])); }, normed(-2, 2)},
      {"layer_norm_1e3", norm, normed(1e3 - 1, 1e3 + 1)},
      {"layer_norm_1e6", norm, normed(1e6 - 1, 1e6 + 1)},
      {"layer_norm_1e9", norm, normed(1e9 - 1, 1e9 + 1)},
      {"layer_norm_1e-6", norm, normed(-1e-6, 1e-6)},
      {"layer_norm_1e-3", norm, normed(-1e-3, 1e-3)},
      {"rms_norm_1e-3", size, sized(-1e-3, 1e-3)},
      {"rms_norm_1e6", size, sized(-1e6, 1e6)},
      {"softmax_of_softmax", [](auto x) { return softmax(scale(softmax(x[0]), 30)); }, one(-20, 20)},
      {"log_of_softmax", [](auto x) { return log(softmax(x[0])); }, one(-20, 20)},
      {"exp_of_log_softmax", [](auto x) { return exp(log_softmax(x[0])); }, one(-30, 30)},
      // Tangents cancel inside an op; beyond ±30 a value has moved into the last digit of one, or is gone.
      {"softmax_of_softmax_30", [](auto x) { return softmax(scale(softmax(x[0]), 30)); }, one(-30, 30)},
      {"softmax_of_softmax_300", [](auto x) { return softmax(scale(softmax(x[0]), 300)); }, one(-30, 30)},
      {"exp_of_log_softmax_100", [](auto x) { return exp(log_softmax(x[0])); }, one(-100, 100)},
      {"mean_of_exp_of_log_softmax", [](auto x) { return mean(exp(log_softmax(x[0]))); }, one(-30, 30)},
      {"entropy", [](auto x) { return multiply(softmax(x[0]), log_softmax(x[0])); }, one(-30, 30)},
      {"softmax_minus_another", [](auto x) { return subtract(softmax(x[0]), softmax(scale(x[0], 1 + 1e-7))); },
       one(-30, 30)},
      {"log_softmax_of_softmax", [](auto x) { return log_softmax(scale(softmax(x[0]), 30)); }, one(-30, 30)},
      {"log_softmax_of_itself", [](auto x) { return log_softmax(scale(log_softmax(x[0]), 3)); }, one(-30, 30)},
      {"log_of_sigmoid", [](auto x) { return log(sigmoid(x[0])); }, one(-30, 30)},
      {"sigmoid_of_sigmoid", [](auto x) { return sigmoid(scale(sigmoid(x[0]), 30)); }, one(-30, 30)},
      {"tanh_of_tanh", [](auto x) { return tanh(scale(tanh(x[0]), 30)); }, one(-10, 10)},
      {"gelu_of_gelu", [](auto x) { return gelu(scale(gelu(x[0]), 3)); }, one(-8, 8), true},
      {"exp_of_exp", [](auto x) { return exp(scale(exp(x[0]), -1)); }, one(-4, 4)},
      {"exp_times_its_inverse", [](auto x) { return multiply(exp(x[0]), exp(scale(x[0], -1))); }, one(-10, 10)},
      {"softmax_of_layer_norm", [](auto x) { return softmax(scale(layer_norm(x[0], x[1], x[2]), 30)); },
       normed(-30, 30)},
      {"layer_norm_of_softmax", [](auto x) { return layer_norm(softmax(x[0]), x[1], x[2]); }, normed(-30, 30)},
      {"attention_saturated", [](auto x) { return attend(x, 5); }, {{{4, 3}, -4, 4}, {{4, 5}, -4, 4}, {{3, 5}}}},
  };
}

std::uint64_t seeds() {
  const char* given = std::getenv("TAPEHEAD_SEEDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 10;
}

TEST(Extremes, RightCodeIsNeverCalledWrong) {
  for (const Extreme& each : extremes()) {
    int undecided = 0;
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
      const CheckReport report =
          check_gradients(each.function, each.inputs, {.seed = seed, .dual_by_hand = each.dual_by_hand});
      EXPECT_NE(report.verdict(), Verdict::fail) << each.name << ", seed " << seed << ": " << report.text();
      undecided += report.verdict() == Verdict::inconclusive;
    }
    RecordProperty(each.name + "_inconclusive", undecided);
  }
}

// The other side: what is wrong by a millionth between two of these ops is never called right, and called wrong where
// rounding leaves enough of it.
TEST(Extremes, WrongCodeIsNeverCalledRight) {
  const auto one = std::vector<InputSpec>{{{5, 3}, -30, 30}};
  for (const double e : {1e-6, -1e-3, -2.0}) {
    const std::vector<Extreme> wrong{
        {"softmax_of_softmax", [e](auto x) { return softmax(scale(slip(softmax(x[0]), e), 30)); }, one},
        {"exp_of_log_softmax", [e](auto x) { return exp(slip(log_softmax(x[0]), e)); }, one},
        {"exp_of_log_softmax_of_slip", [e](auto x) { return exp(log_softmax(slip(x[0], e))); }, one},
        {"entropy", [e](auto x) { return multiply(softmax(x[0]), slip(log_softmax(x[0]), e)); }, one},
        {"log_softmax_of_softmax", [e](auto x) { return log_softmax(scale(slip(softmax(x[0]), e), 30)); }, one},
        {"tanh_of_tanh", [e](auto x) { return tanh(scale(slip(tanh(x[0]), e), 3)); }, {{{5, 3}, -10, 10}}},
        {"sigmoid_of_sigmoid", [e](auto x) { return sigmoid(scale(slip(sigmoid(x[0]), e), 30)); }, one},
    };
    for (const Extreme& each : wrong) {
      std::uint64_t undecided = 0;
      for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        const CheckReport report = check_gradients(each.function, each.inputs, {.seed = seed});
        EXPECT_NE(report.verdict(), Verdict::pass) << each.name << ", " << e << ", seed " << seed;
        undecided += report.verdict() == Verdict::inconclusive;
      }
      EXPECT_LE(10 * undecided, seeds()) << each.name << ", " << e;
    }
  }
}

// Where nothing cancels, saturation is decided: not everything is "inconclusive".
TEST(Extremes, WhatCanBeDecidedIs) {
  for (const Extreme& each : extremes()) {
    const bool decided = each.name == "softmax_30" || each.name == "silu_100" || each.name == "log_softmax_1000" ||
                         each.name == "gelu_6_30" || each.name == "exp_above" || each.name == "minus_itself" ||
                         each.name == "layer_norm_1e-3" || each.name == "rms_norm_1e-3" || each.name == "scale_1e9";
    if (!decided) continue;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const CheckReport report =
          check_gradients(each.function, each.inputs, {.seed = seed, .dual_by_hand = each.dual_by_hand});
      EXPECT_TRUE(report.passed()) << each.name << ", seed " << seed << ": " << report.text();
    }
  }
}

}  // namespace
}  // namespace tapehead
