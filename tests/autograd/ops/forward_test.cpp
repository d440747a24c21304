// The values of every op against plain loops.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "autograd/base/random.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

std::vector<ForwardOracle> all_oracles() {
  std::vector<ForwardOracle> all;
  for (auto family : {elementwise_oracles, shape_oracles, product_oracles, column_oracles, token_oracles}) {
    for (ForwardOracle& oracle : family()) all.push_back(std::move(oracle));
  }
  return all;
}

class OpForward : public testing::TestWithParam<ForwardOracle> {};

TEST_P(OpForward, AgreesWithPlainLoops) {
  for (const ForwardCase& at : GetParam().cases) {
    SCOPED_TRACE(at.label);
    for (const std::uint64_t seed : {1, 2}) {
      Tape<double> tape;
      std::vector<Var<double>> inputs;
      std::vector<Plain> plain;
      for (const InputSpec& spec : at.inputs) {
        const RandomStream random(seed, Purpose::test, plain.size());
        std::vector<double> values(static_cast<std::size_t>(spec.shape.size()));
        for (std::size_t i = 0; i < values.size(); ++i) {
          values[i] = spec.low + (spec.high - spec.low) * random.uniform(static_cast<std::uint32_t>(i));
        }
        inputs.push_back(seed == 1 ? tape.constant(spec.shape, values.data()) : tape.input(spec.shape, values.data()));
        std::ranges::copy(values, plain.emplace_back(spec.shape).values.begin());
      }
      const Var<double> y = at.call(inputs);
      const Plain expected = at.expected(plain);
      ASSERT_EQ(y.shape(), expected.shape) << to_string(y.shape()) << " for " << to_string(expected.shape);
      ASSERT_FALSE(expected.values.empty());
      for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const auto value = static_cast<double>(expected.values[i]);
        ASSERT_NEAR(y.data()[i], value, 1e-13 * std::max(1.0, std::abs(value))) << "element " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OpForward, testing::ValuesIn(all_oracles()), [](const auto& at) { return at.param.op; });

TEST(OpForwards, EveryOpHasAnOracle) {
  std::set<std::string> with_oracle{"attention"};  // its plain loops are in attention_test.cpp
  for (const ForwardOracle& oracle : all_oracles()) {
    EXPECT_FALSE(oracle.cases.empty()) << oracle.op;
    EXPECT_TRUE(with_oracle.insert(oracle.op).second) << oracle.op << " has two oracles";
  }
  std::set<std::string> built;
  for (const OpSpec& spec : op_specs()) built.insert(spec.name);
  EXPECT_EQ(with_oracle, built);
}

}  // namespace
}  // namespace tapehead
