// The tests that every op's spec brings with it.

#include <gtest/gtest.h>

#include <set>

#include "autograd/check/check.hpp"
#include "tests/support/problem_check.hpp"

namespace tapehead {
namespace {

std::vector<ProblemCase> all_cases() {
  std::vector<ProblemCase> cases;
  for (const OpSpec& spec : op_specs()) {
    for (ProblemCase& each : problem_cases(spec)) cases.push_back(std::move(each));
  }
  return cases;
}

class OpGradient : public testing_support::ProblemCheck {};
TEST_P(OpGradient, AgreesWithItsOracles) { expect_right_gradients(); }
TEST_P(OpGradient, InFloatIsWhatConditioningAllows) { expect_right_floats(); }
INSTANTIATE_TEST_SUITE_P(, OpGradient, testing::ValuesIn(all_cases()), testing_support::name_of_case);

TEST(OpSpecs, EveryRefusalIsRefused) {
  for (const OpSpec& spec : op_specs()) {
    for (const OpRefusal& refusal : spec.refusals) EXPECT_EQ(check_refusal(spec, refusal), "");
  }
}

TEST(OpSpecs, NamesAndLabelsAreUnique) {
  std::set<std::string> seen;
  for (const OpSpec& spec : op_specs()) EXPECT_FALSE(spec.cases.empty()) << spec.name;
  for (const ProblemCase& each : all_cases()) EXPECT_TRUE(seen.insert(each.name).second) << each.name;
}

}  // namespace
}  // namespace tapehead
