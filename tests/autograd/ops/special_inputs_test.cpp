// Every op at zeros of both signs, at denormal and at huge numbers, and at exact ties, against its plain loops in long
// double, whose range is far wider: where they know an answer, so must the op.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

constexpr double kDenormal = 0x1p-1074;
constexpr double kLargest = std::numeric_limits<double>::max();

// The number of input `input` at `element`.
struct Pattern {
  std::string name;
  std::function<double(std::uint32_t input, std::uint32_t element)> number;
  bool overflows = false;
};

// Sums and squares of such numbers are larger than any double, whatever the answer is: these may lose it on the way.
const std::set<std::string> kSums{"additive_score",
                                  "affine_activation",
                                  "causal_linear_attention",
                                  "elman",
                                  "fourier_real",
                                  "gated_linear_attention",
                                  "gru",
                                  "layer_norm",
                                  "linear_attention",
                                  "lstm",
                                  "mean",
                                  "rms_norm",
                                  "sum",
                                  "unit_norm"};

std::vector<Pattern> patterns() {
  const auto all = [](double number) { return [number](std::uint32_t, std::uint32_t) { return number; }; };
  const auto some_of = [](std::vector<double> numbers) {
    return [numbers](std::uint32_t input, std::uint32_t element) {
      const RandomStream random(11, Purpose::test, input);
      return numbers[random.below(static_cast<std::uint32_t>(numbers.size()), element)];
    };
  };
  return {{"zeros", all(0)},
          {"negative zeros", all(-0.0)},
          {"ties", all(0.75)},
          {"negative ties", all(-0.75)},
          {"denormals", all(kDenormal)},
          {"tiny", some_of({0.0, -0.0, kDenormal, -kDenormal, 0x1p-1022, -0x1p-1022})},
          {"ties and zeros", some_of({0.0, -0.0, 1.0, 1.0, -1.0})},
          {"large", some_of({1e60, -1e60, 0.0, 1.0})},
          {"huge", some_of({1e150, -1e150, 0.0, 1.0}), true},
          {"largest", some_of({kLargest, -kLargest}), true},
          {"one largest", [](std::uint32_t, std::uint32_t element) { return element == 0 ? kLargest : 0.5; }, true}};
}

struct Found {
  std::vector<double> y;
  std::vector<std::vector<double>> gradients;
};

// As the op computes it, in a case and at a pattern; nothing where it refuses such numbers.
Found computed(const ForwardCase& at, const std::vector<Plain>& inputs) {
  Tape<double> tape;
  std::vector<Var<double>> variables;
  for (const Plain& input : inputs) {
    const std::vector<double> values(input.values.begin(), input.values.end());
    variables.push_back(tape.input(input.shape, values.data()));
  }
  const Var<double> y = at.call(variables);
  Found found{std::vector<double>(y.data(), y.data() + y.shape().size()), {}};
  const std::vector<double> ones(found.y.size(), 1.0);
  tape.backward(y, ones.data());
  for (const Var<double>& x : variables) {
    const double* d_x = tape.gradient(x);
    found.gradients.emplace_back(d_x, d_x == nullptr ? d_x : d_x + x.shape().size());
  }
  return found;
}

class SpecialInputs : public testing::TestWithParam<ForwardOracle> {};

TEST_P(SpecialInputs, WherePlainLoopsKnowAnAnswerTheOpGivesIt) {
  for (const ForwardCase& at : GetParam().cases) {
    for (const Pattern& pattern : patterns()) {
      SCOPED_TRACE(at.label + ", " + pattern.name);
      if (pattern.overflows && kSums.contains(GetParam().op)) continue;
      std::vector<Plain> inputs;
      double largest = 1;
      for (const InputSpec& spec : at.inputs) {
        Plain& input = inputs.emplace_back(spec.shape);
        for (std::size_t i = 0; i < input.values.size(); ++i) {
          const double number =
              pattern.number(static_cast<std::uint32_t>(inputs.size()), static_cast<std::uint32_t>(i));
          input.values[i] = number;
          largest = std::max(largest, std::abs(number));
        }
      }
      const Plain expected = at.expected(inputs);
      const Found found = computed(at, inputs);
      ASSERT_EQ(found.y.size(), expected.values.size());
      bool known = true;
      for (std::size_t i = 0; i < found.y.size(); ++i) {
        const long double right = expected.values[i];
        if (!(std::abs(right) <= kLargest)) {
          known = false;
        } else if (largest > 1) {  // loops and op may lose different digits of sums of huge numbers
          ASSERT_FALSE(std::isnan(found.y[i])) << "element " << i;
        } else {
          const auto value = static_cast<double>(right);
          ASSERT_NEAR(found.y[i], value, at.tolerance(expected, i)) << "element " << i;
        }
      }
      for (const std::vector<double>& gradient : found.gradients) {
        for (const double each : gradient) ASSERT_FALSE(known && std::isnan(each)) << "a slope is no number";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, SpecialInputs, testing::ValuesIn(forward_oracles()),
                         [](const auto& at) { return at.param.op; });

}  // namespace
}  // namespace tapehead
