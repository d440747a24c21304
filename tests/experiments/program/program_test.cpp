// The built program, run as people run it: exit statuses, one-line errors, signals.

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/experiments/shell_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using Program = InShell;

TEST_F(Program, StatusIsZeroWhenDoneAndTwoForWrongUsage) {
  EXPECT_EQ(shell("--help").status, 0);
  EXPECT_EQ(shell("help train").status, 0);
  EXPECT_EQ(shell("train --help").status, 0);
  EXPECT_EQ(shell("version").status, 0);
  EXPECT_EQ(shell("list").status, 0);
  EXPECT_EQ(shell("2>/dev/null").status, 2);
  EXPECT_EQ(shell("gradcheck nothing_like_this 2>/dev/null").status, 2);
}

TEST_F(Program, AnErrorIsOneLineOnStderrAndNothingOnStdout) {
  const Ran both = shell("train copy --out x --haeds 4 2>&1 >/dev/null");
  EXPECT_EQ(both.out, "tapehead: --haeds: train has no such option; did you mean --heads?\n");
  EXPECT_EQ(shell("train copy --out x --haeds 4 2>/dev/null").out, "");
}

TEST_F(Program, AFullDiskIsNoticed) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  EXPECT_EQ(shell("list 2>&1 >/dev/full").out, "tapehead: the results cannot be written to standard output\n");
}

TEST_F(Program, VersionNamesLibraryKernelAndProcessor) {
  const nlohmann::json version = shell("version --json").json();
  for (const char* key : {"version", "compiler", "blas", "kernel", "processor", "advice"}) {
    EXPECT_TRUE(version[key].is_string()) << key;
  }
}

TEST_F(Program, CtrlCSavesAndResumingEndsWithTheSameBits) {
  const std::vector<std::string> more{"--steps", "10000", "--log-every", "10", "--json"};
  const Ran whole = shell(joined(tiny_train(path("whole"), more)) + "2>/dev/null");
  ASSERT_EQ(whole.status, 0);

  const pid_t child = start(tiny_train(path("parts"), more), path("log"));
  wait_for_row("parts/metrics.csv", "\n20,");
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(read("log"), HasSubstr("go on with: tapehead train --resume --out " + path("parts")));

  const Ran rest = shell("train --resume --json --out '" + path("parts") + "' 2>/dev/null");
  ASSERT_EQ(rest.status, 0);
  EXPECT_EQ(rest.json()["parameter_digest"], whole.json()["parameter_digest"]);
}

TEST_F(Program, NoProgressBarOffATerminal) {
  const Ran ran = shell(joined(tiny_train(path("run"))) + "2>&1 >/dev/null");
  EXPECT_THAT(ran.out, HasSubstr("step 12/12"));
  EXPECT_EQ(ran.out.find('\r'), std::string::npos);
}

}  // namespace
}  // namespace tapehead
