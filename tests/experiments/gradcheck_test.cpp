#include "experiments/gradcheck.hpp"

#include <gmock/gmock.h>

#include "autograd/ops/scale.hpp"
#include "program_support.hpp"

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

OpSpec planted(bool wrong) {
  OpSpec spec;
  spec.name = wrong ? "wrong" : "right";
  if (wrong) {
    spec.cases = {{"R2_C3", {{{2, 3}}}, [](auto x) { return tripled_with_wrong_gradient(x[0]); }}};
  } else {
    spec.cases = {{"R2_C3", {{{2, 3}}}, [](auto x) { return scale(x[0], 3); }}};
  }
  return spec;
}

TEST(Gradcheck, AWrongGradientMakesItFailAndSaysWhere) {
  const std::vector<OpSpec> specs{planted(false), planted(true)};
  std::ostringstream out;
  EXPECT_EQ(gradcheck(specs, "", 1, false, out), 1);
  EXPECT_THAT(out.str(), HasSubstr("FAILED wrong/R2_C3: "));
  EXPECT_THAT(out.str(), HasSubstr("1 FAILED"));
  std::ostringstream only_right;
  EXPECT_EQ(gradcheck(specs, "right", 1, false, only_right), 0);
  EXPECT_THAT(only_right.str(), HasSubstr("all passed"));
}

TEST(Gradcheck, ARefusalThatDoesNotComeMakesItFail) {
  OpSpec spec = planted(false);
  spec.refusals = {{"never", {{2, 3}}, [](auto x) { return scale(x[0], 3); }, "never said"}};
  std::ostringstream out;
  EXPECT_EQ(gradcheck(std::vector{spec}, "", 1, false, out), 1);
  EXPECT_THAT(out.str(), HasSubstr("FAILED right/never: was not refused"));
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
    const nlohmann::json report = run({"gradcheck", pattern, "--json"}).json();
    for (const auto& c : report["cases"]) ops.insert(c["op"].get<std::string>());
    return ops;
  };
  EXPECT_EQ(ops_of("softmax"), (std::set<std::string>{"softmax", "log_softmax"}));
  EXPECT_EQ(ops_of("soft*"), (std::set<std::string>{"softmax"}));
  EXPECT_EQ(ops_of("tanh/"), (std::set<std::string>{"tanh"}));
}

TEST(Gradcheck, EveryOpPasses) {
  const Ran ran = run({"gradcheck", "--json", "--seed", "7"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.json()["failed"], 0);
  EXPECT_GT(ran.json()["derivatives"].get<int>(), 1000);
}

}  // namespace
}  // namespace tapehead
