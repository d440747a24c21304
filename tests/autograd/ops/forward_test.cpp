// The values of every op against plain loops.

#include <gtest/gtest.h>

#include <set>

#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

class OpForward : public testing::TestWithParam<ForwardOracle> {};

TEST_P(OpForward, AgreesWithPlainLoops) {
  for (const ForwardCase& at : GetParam().cases) {
    SCOPED_TRACE(at.label);
    EXPECT_TRUE(compare_with_plain_loops(at, at.inputs)) << "refused";
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OpForward, testing::ValuesIn(forward_oracles()),
                         [](const auto& at) { return at.param.op; });

TEST(OpForwards, EveryOpHasAnOracle) {
  std::set<std::string> with_oracle{"attention"};  // its plain loops are in attention_test.cpp
  for (const ForwardOracle& oracle : forward_oracles()) {
    EXPECT_FALSE(oracle.cases.empty()) << oracle.op;
    EXPECT_TRUE(with_oracle.insert(oracle.op).second) << oracle.op << " has two oracles";
  }
  std::set<std::string> built;
  for (const OpSpec& spec : op_specs()) built.insert(spec.name);
  EXPECT_EQ(with_oracle, built);
}

}  // namespace
}  // namespace tapehead
