// The values of every op against plain loops.

#include <gtest/gtest.h>

#include <set>

#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

std::vector<ForwardOracle> all_oracles() {
  std::vector<ForwardOracle> all;
  for (auto family : {elementwise_oracles, shape_oracles, product_oracles, column_oracles, weight_oracles,
                      score_oracles, position_oracles, head_oracles, sequence_oracles, token_oracles}) {
    for (ForwardOracle& oracle : family()) all.push_back(std::move(oracle));
  }
  return all;
}

class OpForward : public testing::TestWithParam<ForwardOracle> {};

TEST_P(OpForward, AgreesWithPlainLoops) {
  for (const ForwardCase& at : GetParam().cases) {
    SCOPED_TRACE(at.label);
    EXPECT_TRUE(compare_with_plain_loops(at, at.inputs)) << "refused";
    if (HasFatalFailure()) return;
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
