#include <gmock/gmock.h>

#include "layers/models/spec.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class GradcheckCommand : public Runs {};

TEST_F(GradcheckCommand, PrintsDrawsAndWritesThem) {
  const Ran one = run({"gradcheck", "--leaks", "models/decoder/pre_relu", "--svg", path("leaks.svg")}, {}, 80);
  EXPECT_EQ(one.status, kDone) << one.err;
  EXPECT_THAT(one.out, HasSubstr("no leak"));
  EXPECT_THAT(one.out, HasSubstr("outputs down, input across"));
  EXPECT_THAT(read("leaks.svg"), HasSubstr("models/decoder/pre_relu: input"));
  EXPECT_EQ(run({"gradcheck", "--leaks", "models/encoder", "--json"}).json()["models"].size(),
            model_spec("encoder").cases.size());
  EXPECT_THAT(run({"gradcheck", "--leaks", "--sharpness", "--checkpoint", "x"}).err, HasSubstr("--sharpness"));
  EXPECT_THAT(run({"gradcheck", "add", "--svg", "x.svg"}).err, HasSubstr("--svg"));
}

TEST_F(GradcheckCommand, LooksIntoACheckpoint) {
  const Ran trained = run(tiny_train(path("run")));
  ASSERT_EQ(trained.status, kDone) << trained.err;
  const Ran leaks = run({"gradcheck", "--leaks", "--checkpoint", path("run")});
  EXPECT_EQ(leaks.status, kDone) << leaks.err;
  EXPECT_THAT(leaks.out, HasSubstr("checkpoint/step_"));
}

TEST_F(GradcheckCommand, TaylorShowsHowRemaindersFall) {
  const Ran one = run({"gradcheck", "--taylor", "ops/tanh/R3_C5", "--svg", path("taylor.svg")}, {}, 80);
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("2^-10"));
  EXPECT_THAT(one.out, HasSubstr("c  with Hessian: slope 3.0"));
  EXPECT_THAT(read("taylor.svg"), HasSubstr("with gradient: slope 2.0"));
  const auto json = run({"gradcheck", "--taylor", "ops/softmax/K5_Q3", "--json"}).json();
  for (const auto& each : json["cases"]) {
    EXPECT_EQ(each["verdict"], "pass");
    EXPECT_NEAR(each["slopes"][2].get<double>(), 3, 0.1);
  }
  EXPECT_THAT(run({"gradcheck", "--taylor", "--svg", path("all.svg")}).err, HasSubstr("choose fewer by a PATTERN"));
  EXPECT_THAT(run({"gradcheck", "--taylor", "--threads", "2", "tanh"}).err, HasSubstr("--threads"));
  EXPECT_THAT(run({"gradcheck", "--taylor", "--leaks"}).err, HasSubstr("--taylor"));
}

// In every op, layer and model that there is.
TEST_F(GradcheckCommand, TaylorOfAllOfThem) {
  const Ran all = run({"gradcheck", "--taylor"}, {}, 80);
  EXPECT_EQ(all.status, 0) << all.out;
  EXPECT_THAT(all.out, HasSubstr("all fall"));
}

}  // namespace
}  // namespace tapehead
