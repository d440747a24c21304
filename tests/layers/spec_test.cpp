// The gradient of every layer, inputs and all parameters.
#include "layers/spec.hpp"

#include <gtest/gtest.h>

#include "layers/attention/stage.hpp"
#include "tests/support/problem_check.hpp"

namespace tapehead {
namespace {

using testing_support::ProblemCheck;

std::vector<ProblemCase> all_cases() {
  std::vector<ProblemCase> cases;
  for (const LayerSpec& spec : layer_specs()) cases.insert(cases.end(), spec.cases.begin(), spec.cases.end());
  return cases;
}

class LayerGradients : public ProblemCheck {};
TEST_P(LayerGradients, AgreeWithTheirOracles) { expect_right_gradients(); }
TEST_P(LayerGradients, InFloatAreWhatConditioningAllows) { expect_right_floats(); }
INSTANTIATE_TEST_SUITE_P(, LayerGradients, testing::ValuesIn(all_cases()), testing_support::name_of_case);

TEST(LayerSpecs, EveryLayerHasCases) {
  for (const LayerSpec& spec : layer_specs()) EXPECT_FALSE(spec.cases.empty()) << spec.name;
}

// What `attend` reads of files goes by them.
TEST(StageSpecs, EveryParameterHasASymbol) {
  for (const StageSpec& spec : stage_specs()) {
    ParameterLayout layout;
    std::uint32_t sites = 0;
    std::size_t parameters = spec.of_keys.name != nullptr ? 1 : 0;
    if (spec.declare != nullptr)
      parameters += spec.declare(Scope(layout, sites), {.heads = 2}, {.positions = 3}).size();
    EXPECT_EQ(spec.symbols.size(), parameters) << name_of(spec.kind) << " " << spec.name;
  }
}

}  // namespace
}  // namespace tapehead
