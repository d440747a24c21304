#include "experiments/analysis/gradcheck.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <stdexcept>

#include "autograd/ops/scale.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

template <Scalar T>
Var<T> tripled_with_wrong_gradient(Var<T> x) {
  Tape<T>& tape = x.tape();
  const std::int64_t count = x.shape().size();
  T* y = tape.allocate(count);
  for (std::int64_t i = 0; i < count; ++i) y[i] = T(3) * x.data()[i];
  return tape.record("wrong", x.shape(), y, {x}, [x, count](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (Sink<T> d_x = pull.into(x)) d_x.accumulate(count, [d_y](std::int64_t i) { return T(2) * d_y[i]; });
  });
}

// 3 x, but so noisy that differences say little about its slope; and there is no complex step.
Var<double> tripled_roughly(Var<double> x) {
  Tape<double>& tape = x.tape();
  const std::int64_t count = x.shape().size();
  double* y = tape.allocate(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double exact = x.data()[i];
    y[i] = 3 * exact + 1e-4 * std::sin(1e9 * exact);
  }
  return tape.record("rough", x.shape(), y, {x}, [x, count](Pull<double>& pull) {
    const double* d_y = pull.d_output();
    if (Sink<double> d_x = pull.into(x)) d_x.accumulate(count, [d_y](std::int64_t i) { return 3 * d_y[i]; });
  });
}

OpSpec spec_of(const std::string& name, GenericFunction call) {
  OpSpec spec;
  spec.name = name;
  spec.cases = {{"R2_C3", {{{2, 3}}}, std::move(call)}};
  return spec;
}

OpSpec right() {
  return spec_of("right", [](auto x) { return scale(x[0], 3); });
}
OpSpec wrong() {
  return spec_of("wrong", [](auto x) { return tripled_with_wrong_gradient(x[0]); });
}

GradcheckResult check(const std::vector<OpSpec>& specs, const std::string& pattern = {},
                      GradcheckOptions options = {}) {
  return gradcheck(matching(subjects_of(specs), pattern), options);
}

// A result as if one case had come out so.
GradcheckResult result_of(Verdict verdict) {
  CheckReport report;
  report.name = "ops/some/R2_C3";
  report.variables = {"x"};
  report.shapes = {{2, 3}};
  report.derivatives = {{.variable = 0, .first = 3, .verdict = verdict}};
  if (verdict != Verdict::pass) {
    report.findings = {
        {.check = "gradient", .verdict = verdict, .text = "x: the differences are rough", .variable = "x"}};
  }
  GradcheckResult result;
  result.reports = {report};
  return result;
}

TEST(Gradcheck, AWrongGradientMakesItFailAndSaysWhere) {
  const GradcheckResult all = check({right(), wrong()});
  EXPECT_FALSE(all.passed());
  EXPECT_THAT(gradcheck_text(all), HasSubstr("FAILED ops/wrong/R2_C3: "));
  EXPECT_THAT(gradcheck_text(all), HasSubstr("(row "));
  EXPECT_THAT(gradcheck_text(all), HasSubstr("1 FAILED"));
  const GradcheckResult one = check({right(), wrong()}, "right");
  EXPECT_TRUE(one.passed()) << gradcheck_text(one);
  EXPECT_THAT(gradcheck_text(one), HasSubstr("6 derivatives in 1 case and 0 refusals of wrong input checked"));
  EXPECT_THAT(gradcheck_text(one), HasSubstr("all passed"));
}

TEST(Gradcheck, ItsJsonHoldsEveryDerivative) {
  const nlohmann::json json = nlohmann::json::parse(gradcheck_json(check({right(), wrong()})));
  EXPECT_EQ(json["status"], "failed");
  EXPECT_EQ(json["derivatives"], 12);
  EXPECT_EQ(json["counts"], (nlohmann::json{{"pass", 1}, {"fail", 1}, {"inconclusive", 0}}));
  ASSERT_EQ(json["cases"].size(), 2U);
  const nlohmann::json failed = json["cases"][1];
  EXPECT_EQ(failed["subject"], "ops/wrong/R2_C3");
  EXPECT_EQ(failed["verdict"], "fail");
  EXPECT_EQ(failed["diagnosis"], "factor");
  EXPECT_FALSE(failed["findings"].empty());
  ASSERT_EQ(failed["derivatives"].size(), 6U);
  EXPECT_EQ(failed["derivatives"][3]["index"], (nlohmann::json{1, 1, 0}));
}

TEST(Gradcheck, NumbersThatWereNotTakenAreNull) {
  const nlohmann::json json = nlohmann::json::parse(gradcheck_json(result_of(Verdict::pass)));
  EXPECT_TRUE(json["cases"][0]["complex_step_error"].is_null());
  EXPECT_TRUE(json["cases"][0]["derivatives"][0]["complex_step"].is_null());
}

TEST(Gradcheck, ARefusalThatDoesNotComeMakesItFail) {
  OpSpec spec = right();
  spec.refusals = {{"never", {{2, 3}}, [](auto x) { return scale(x[0], 3); }, "never said"}};
  const GradcheckResult result = check({spec});
  EXPECT_FALSE(result.passed());
  EXPECT_THAT(gradcheck_text(result), HasSubstr("FAILED ops/right/never: was not refused"));
}

TEST(Gradcheck, AnExceptionIsAFailureOfItsCase) {
  GradcheckSubjects subjects = subjects_of(std::vector{right()});
  subjects.cases.push_back(
      {"layers/broken/any", [](std::uint64_t) -> Problem { throw std::runtime_error("no luck"); }});
  const GradcheckResult result = gradcheck(subjects);
  EXPECT_EQ(result.cases(Verdict::pass), 1);
  EXPECT_EQ(result.cases(Verdict::fail), 1);
  EXPECT_THAT(gradcheck_text(result), HasSubstr("no luck"));
}

// Its pullback writes far from anything that is its own.
template <Scalar T>
Var<T> astray(Var<T> x) {
  const std::int64_t count = x.shape().size();
  T* y = x.tape().allocate(count);
  std::copy_n(x.data(), count, y);
  return x.tape().record("astray", x.shape(), y, {x}, [x](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    d_x.data[std::int64_t{1} << 38] = T(0);
  });
}

TEST(Gradcheck, ACrashIsAFailureOfItsCase) {
  OpSpec refuses = right();
  refuses.name = "refuses";
  refuses.refusals = {{"crashes", {{2, 3}}, [](auto x) -> decltype(scale(x[0], 3)) { std::abort(); }, "never said"}};
  const std::vector<OpSpec> specs{right(), spec_of("astray", [](auto x) { return astray(x[0]); }), wrong(), refuses};
  for (const int threads : {1, 3}) {
    const GradcheckResult result = check(specs, {}, {.threads = threads});
    EXPECT_EQ(result.cases(Verdict::pass), 2);
    EXPECT_EQ(result.cases(Verdict::fail), 2);
    EXPECT_EQ(result.failed_refusals(), 1);
    EXPECT_THAT(gradcheck_text(result), HasSubstr("FAILED ops/wrong/R2_C3: "));
    EXPECT_THAT(gradcheck_text(result), HasSubstr("FAILED ops/refuses/crashes: ended by SIGABRT (Aborted)\n"));
    EXPECT_THAT(gradcheck_text(result), testing::ContainsRegex("FAILED ops/astray/R2_C3: .*ended (by SIGSEGV|with)"));
    EXPECT_EQ(nlohmann::json::parse(gradcheck_json(result))["cases"][1]["findings"][0]["check"], "crash");
  }
}

TEST(Gradcheck, AnOpWithoutACaseIsAFailure) {
  OpSpec without;
  without.name = "forgotten";
  const GradcheckResult result = check({right(), without});
  EXPECT_FALSE(result.passed());
  EXPECT_THAT(gradcheck_text(result), HasSubstr("UNCHECKED ops/forgotten"));
  EXPECT_TRUE(check({right(), without}, "right").passed());
}

TEST(Gradcheck, WhatCouldNotBeDecidedFailsUnlessAllowed) {
  GradcheckResult result = result_of(Verdict::inconclusive);
  EXPECT_FALSE(result.passed());
  EXPECT_THAT(gradcheck_text(result), HasSubstr("1 INCONCLUSIVE"));
  result.allow_inconclusive = true;
  EXPECT_TRUE(result.passed());
  EXPECT_THAT(gradcheck_text(result), HasSubstr("1 inconclusive (allowed)"));
}

TEST(Gradcheck, AnOracleThatIsTooRoughDecidesNothingInFavour) {
  const GenericFunction rough = [](Inputs<double> x) { return tripled_roughly(x[0]); };
  EXPECT_EQ(check({spec_of("rough", rough)}).cases(Verdict::pass), 0);
}

TEST(Gradcheck, ThreadsChangeNothing) {
  const std::vector<OpSpec> specs{right(), wrong(), right()};
  EXPECT_EQ(gradcheck_json(check(specs, {}, {.threads = 1})), gradcheck_json(check(specs, {}, {.threads = 3})));
}

TEST(Gradcheck, NothingCheckedIsAnError) {
  const Ran ran = run({"gradcheck", "sofmax"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "tapehead: gradcheck: nothing matches \"sofmax\"; did you mean softmax?\n");
  EXPECT_EQ(ran.out, "");
}

TEST(Gradcheck, PatternsArePartsOfNamesOrHaveWildcards) {
  const auto ops_of = [](const std::string& pattern) {
    std::set<std::string> ops;
    for (const ProblemCase& each : matching(subjects_of(op_specs()), pattern).cases) {
      ops.insert(each.name.substr(0, each.name.rfind('/')));
    }
    return ops;
  };
  // Whatever ops there are.
  const auto ops_that = [](const auto& fits) {
    std::set<std::string> ops;
    for (const OpSpec& spec : op_specs()) {
      if (fits(spec.name)) ops.insert("ops/" + spec.name);
    }
    return ops;
  };
  const auto holds = ops_that([](const std::string& name) { return name.find("softmax") != std::string::npos; });
  const auto begins = ops_that([](const std::string& name) { return name.starts_with("soft"); });
  EXPECT_EQ(ops_of("softmax"), holds);
  EXPECT_EQ(ops_of("soft*"), begins);
  EXPECT_EQ(ops_of("ops/soft*"), begins);
  EXPECT_TRUE(begins.contains("ops/softmax"));
  EXPECT_TRUE(holds.contains("ops/log_softmax"));
  EXPECT_FALSE(begins.contains("ops/log_softmax"));
  EXPECT_EQ(ops_of("/relu/"), ops_that([](const std::string& name) { return name == "relu"; }));
}

TEST(Gradcheck, LayersAndModelsAreAmongTheSubjects) {
  const GradcheckSubjects all = all_subjects();
  for (const char* group : {"ops/", "layers/", "models/"}) {
    EXPECT_FALSE(matching(all, group).cases.empty()) << group;
  }
  EXPECT_TRUE(all.unchecked.empty());
  std::set<std::string> names;
  for (const ProblemCase& each : all.cases) EXPECT_TRUE(names.insert(each.name).second) << each.name;
}

TEST(Gradcheck, EveryOpPasses) {
  const Ran ran = run({"gradcheck", "ops/*", "--json", "--seed", "7"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.json()["status"], "passed");
  EXPECT_GT(ran.json()["derivatives"].get<int>(), 1000);
}

TEST(Gradcheck, EveryOpPassesInFloat) {
  const Ran ran = run({"gradcheck", "ops/*", "--precision", "float"});
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("all passed"));
}

TEST(Gradcheck, OptionsThatConflictAreRefused) {
  EXPECT_EQ(run({"gradcheck", "--sharpness"}).err, "tapehead: --sharpness: does nothing without --checkpoint\n");
  EXPECT_EQ(run({"gradcheck", "--train", "pairs.tsv"}).status, 2);
  EXPECT_THAT(run({"gradcheck", "softmax", "--checkpoint", "run"}).err, HasSubstr("chooses nothing of a checkpoint"));
}

class GradcheckOfARun : public InFolder {};

TEST_F(GradcheckOfARun, ATrainedModelIsCheckedOnItsOwnData) {
  ASSERT_EQ(run(tiny_train(path("run"), {"--dropout", "0.1", "--label-smoothing", "0.1"})).status, 0);
  const Ran ran = run({"gradcheck", "--checkpoint", path("run"), "--json"});
  EXPECT_EQ(ran.status, 0);
  ASSERT_EQ(ran.json()["cases"].size(), 1U);
  EXPECT_EQ(ran.json()["cases"][0]["subject"], "checkpoint/step_12");
  EXPECT_GT(ran.json()["derivatives"].get<int>(), 0);
  EXPECT_EQ(ran.json()["unchecked"].size(), 0U);
  EXPECT_EQ(run({"gradcheck", "--checkpoint", path("none")}).status, 2);
  EXPECT_THAT(run({"gradcheck", "--checkpoint", path("run"), "--train", write("a.tsv", "a\tb\n")}).err,
              HasSubstr("--train: does not apply to task copy"));
}

TEST_F(GradcheckOfARun, SharpnessIsTheLargestEigenvalue) {
  ASSERT_EQ(run(tiny_train(path("run"), {"--dropout", "0.1", "--model", "decoder"})).status, 0);
  const Ran ran = run({"gradcheck", "--checkpoint", path("run"), "--sharpness", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const nlohmann::json found = ran.json();
  EXPECT_EQ(found["step"], 12);
  EXPECT_GT(found["sharpness"].get<double>(), 0);
  EXPECT_TRUE(found["converged"].get<bool>());
  EXPECT_LT(found["residual"].get<double>(), 1e-5 * found["sharpness"].get<double>());
  const Ran another = run({"gradcheck", "--checkpoint", path("run"), "--sharpness", "--json", "--seed", "2"});
  EXPECT_NEAR(another.json()["sharpness"].get<double>() / found["sharpness"].get<double>(), 1, 1e-5);
}

}  // namespace
}  // namespace tapehead
