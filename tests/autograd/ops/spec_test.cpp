// The tests that every op's spec brings with it.

#include <gtest/gtest.h>

#include <set>

#include "autograd/check.hpp"

namespace tapehead {
namespace {

struct CaseParam {
  const OpSpec* spec;
  const OpCase* op_case;
};

std::vector<CaseParam> all_cases() {
  std::vector<CaseParam> params;
  for (const OpSpec& spec : op_specs()) {
    for (const OpCase& op_case : spec.cases) params.push_back({&spec, &op_case});
  }
  return params;
}

class OpGradient : public testing::TestWithParam<CaseParam> {};

TEST_P(OpGradient, AgreesWithItsOracles) {
  const auto [spec, op_case] = GetParam();
  for (const std::uint64_t seed : {1, 2, 3}) {
    const CaseReport report = check_case(*spec, *op_case, seed);
    EXPECT_TRUE(report.passed()) << spec->name << "/" << op_case->label << " seed " << seed << ": " << report.failure;
    EXPECT_GT(report.derivatives, 0);
  }
}

std::string test_name(std::string text) {
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpGradient, testing::ValuesIn(all_cases()), [](const auto& at) {
  return test_name(at.param.spec->name + "__" + at.param.op_case->label);
});

TEST(OpSpecs, EveryRefusalIsRefused) {
  for (const OpSpec& spec : op_specs()) {
    for (const OpRefusal& refusal : spec.refusals) EXPECT_EQ(check_refusal(spec, refusal), "");
  }
}

TEST(OpSpecs, NamesAndLabelsAreUnique) {
  std::set<std::string> seen;
  for (const OpSpec& spec : op_specs()) {
    EXPECT_FALSE(spec.cases.empty()) << spec.name;
    for (const OpCase& op_case : spec.cases) {
      EXPECT_TRUE(seen.insert(spec.name + "/" + op_case.label).second) << spec.name << "/" << op_case.label;
    }
  }
}

// A pullback with a factor that is off by a millionth must not pass.
template <Scalar T>
Var<T> scale_with_a_wrong_pullback(Var<T> x) {
  const std::int64_t n = x.shape().size();
  T* y = x.tape().allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = T(3) * x.data()[i];
  return x.tape().record("wrong", x.shape(), y, {x}, [x, n](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(n, [=](std::int64_t i) { return T(3.000003) * d_y[i]; });
  });
}

TEST(OpCheck, SeesAFactorThatIsOffByAMillionth) {
  const OpSpec spec{"wrong", {{"R3", {{{3}}}, [](auto x) { return scale_with_a_wrong_pullback(x[0]); }}}};
  const CaseReport report = check_case(spec, spec.cases[0], 1);
  EXPECT_FALSE(report.passed());
  EXPECT_GT(report.complex_step_error, 1e-7);
  EXPECT_GT(report.difference_error, 1e-7);
}

// A pullback that assigns instead of adding is right for one use and wrong for two.
template <Scalar T>
Var<T> negate_with_an_assigning_pullback(Var<T> x) {
  const std::int64_t n = x.shape().size();
  T* y = x.tape().allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = -x.data()[i];
  return x.tape().record("wrong", x.shape(), y, {x}, [x, n](Pull<T>& pull) {
    auto d_x = pull.into(x);
    for (std::int64_t i = 0; i < n; ++i) d_x.data[i] = -pull.d_output()[i];
  });
}

TEST(OpCheck, SeesAPullbackThatAssigns) {
  const OpSpec spec{"wrong", {{"R3", {{{3}}}, [](auto x) { return negate_with_an_assigning_pullback(x[0]); }}}};
  const CaseReport report = check_case(spec, spec.cases[0], 1);
  EXPECT_FALSE(report.passed());
  EXPECT_LT(report.complex_step_error, 1e-12);
  EXPECT_NE(report.failure.find("two uses"), std::string::npos) << report.failure;
}

}  // namespace
}  // namespace tapehead
