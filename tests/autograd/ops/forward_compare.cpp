#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/tape.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

void compare(const ForwardCase& at, const Var<double>& y, const Plain& expected) {
  ASSERT_EQ(y.shape(), expected.shape) << to_string(y.shape()) << " for " << to_string(expected.shape);
  ASSERT_FALSE(expected.values.empty());
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const auto value = static_cast<double>(expected.values[i]);
    ASSERT_NEAR(y.data()[i], value, at.tolerance(expected, i)) << "element " << i;
  }
}

}  // namespace

double ForwardCase::tolerance(const Plain& outputs, std::size_t i) const {
  const auto size = [](const auto& number) { return std::abs(static_cast<double>(number)); };
  double scale = std::max(1.0, size(outputs.values[i]));
  for (std::size_t k = 0; mixes_all && k < outputs.values.size(); ++k) scale = std::max(scale, size(outputs.values[k]));
  return 1e-13 * scale;
}

bool compare_with_plain_loops(const ForwardCase& at, const std::vector<InputSpec>& specs) {
  for (const std::uint64_t seed : {1, 2}) {
    Tape<double> tape;
    std::vector<Var<double>> inputs;
    std::vector<Plain> plain;
    for (const InputSpec& spec : specs) {
      const RandomStream random(seed, Purpose::test, plain.size());
      std::vector<double> values(static_cast<std::size_t>(spec.shape.size()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = spec.low + (spec.high - spec.low) * random.uniform(static_cast<std::uint32_t>(i));
      }
      inputs.push_back(seed == 1 ? tape.constant(spec.shape, values.data()) : tape.input(spec.shape, values.data()));
      std::ranges::copy(values, plain.emplace_back(spec.shape).values.begin());
    }
    Var<double> y;
    try {
      y = at.call(inputs);
    } catch (const Error&) {
      return false;
    }
    compare(at, y, at.expected(plain));
    if (testing::Test::HasFatalFailure()) break;
  }
  return true;
}

std::vector<ForwardOracle> forward_oracles() {
  std::vector<ForwardOracle> all;
  for (auto family : {elementwise_oracles, shape_oracles, product_oracles, column_oracles, weight_oracles,
                      score_oracles, position_oracles, head_oracles, sequence_oracles, cell_oracles, token_oracles}) {
    for (ForwardOracle& oracle : family()) all.push_back(std::move(oracle));
  }
  return all;
}

}  // namespace tapehead
