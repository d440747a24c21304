#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class LeaksCommand : public Runs {};

TEST_F(LeaksCommand, PrintsDrawsAndWritesThem) {
  const Ran one = run({"gradcheck", "--leaks", "models/decoder/pre_relu", "--svg", path("leaks.svg")}, {}, 80);
  EXPECT_EQ(one.status, kDone) << one.err;
  EXPECT_THAT(one.out, HasSubstr("no leak"));
  EXPECT_THAT(one.out, HasSubstr("outputs down, input across"));
  EXPECT_THAT(read("leaks.svg"), HasSubstr("models/decoder/pre_relu: input"));
  EXPECT_EQ(run({"gradcheck", "--leaks", "models/encoder", "--json"}).json()["models"].size(), 2U);
  EXPECT_THAT(run({"gradcheck", "--leaks", "--sharpness", "--checkpoint", "x"}).err, HasSubstr("--sharpness"));
  EXPECT_THAT(run({"gradcheck", "add", "--svg", "x.svg"}).err, HasSubstr("--svg"));
}

TEST_F(LeaksCommand, LooksIntoACheckpoint) {
  const Ran trained = run(tiny_train(path("run")));
  ASSERT_EQ(trained.status, kDone) << trained.err;
  const Ran leaks = run({"gradcheck", "--leaks", "--checkpoint", path("run")});
  EXPECT_EQ(leaks.status, kDone) << leaks.err;
  EXPECT_THAT(leaks.out, HasSubstr("checkpoint/step_"));
}

}  // namespace
}  // namespace tapehead
