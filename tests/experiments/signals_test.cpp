// Signals that ask a run to end, as shells, queues and closed terminals send them.

#include <gmock/gmock.h>

#include <csignal>

#include "tests/experiments/shell_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kLong{"--steps", "2000", "--log-every", "10", "--json"};

class Signals : public InShell {
 protected:
  // A run that received `signal` after some steps. `shell_setup` is what a shell does before it starts the program.
  pid_t start_after(const std::string& shell_setup, const std::vector<std::string>& words) const {
    const pid_t child = fork();
    if (child != 0) return child;
    const std::string command = shell_setup + "exec '" + TAPEHEAD_PROGRAM + "' " + joined(words) + ">'" + path("out") +
                                "' 2>'" + path("log") + "'";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(99);
  }
};

class EachSignal : public Signals, public testing::WithParamInterface<int> {};

TEST_P(EachSignal, SavesAndResumingEndsWithTheSameBits) {
  const Ran whole = shell(joined(tiny_train(path("whole"), kLong)) + "2>/dev/null");
  ASSERT_EQ(whole.status, 0);
  const pid_t child = start(tiny_train(path("parts"), kLong), path("log"));
  wait_for_row("parts/metrics.csv", "\n20,");
  kill(child, GetParam());
  EXPECT_EQ(wait_for(child), 128 + GetParam());
  EXPECT_THAT(read("log"), HasSubstr("saving after this step"));
  EXPECT_THAT(read("log"), HasSubstr("--resume --out " + path("parts")));
  const Ran rest = shell("train --resume --json --out '" + path("parts") + "' 2>/dev/null");
  ASSERT_EQ(rest.status, 0);
  EXPECT_EQ(rest.json()["parameter_digest"], whole.json()["parameter_digest"]);
}

INSTANTIATE_TEST_SUITE_P(Endings, EachSignal, testing::Values(SIGINT, SIGTERM, SIGHUP, SIGXCPU),
                         [](const auto& at) { return std::string(sigabbrev_np(at.param)); });

TEST_F(Signals, WhatWasIgnoredStaysIgnored) {
  const pid_t child = start_after("trap '' HUP INT; ", tiny_train(path("run"), kLong));
  wait_for_row("run/metrics.csv", "\n20,");
  kill(child, SIGHUP);
  kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 0) << read("log");
  EXPECT_THAT(read("log"), Not(HasSubstr("saving after this step")));
}

TEST_F(Signals, ASecondOneOfAnotherKindEndsAtOnce) {
  // A step of this run takes long enough that the second signal comes before its end.
  const pid_t child = start(tiny_train(path("run"), {"--steps", "100", "--batch", "4096", "--d-model", "128", "--d-ff",
                                                     "512", "--log-every", "1", "--threads", "1"}),
                            path("log"));
  wait_for_row("run/metrics.csv", "\n1,");
  kill(child, SIGTERM);
  for (int i = 0; i < 2000 && read("log").find("SIGTERM: saving") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 128 + SIGINT);
  EXPECT_FALSE(std::filesystem::exists(path("run/checkpoint.h5")));
}

TEST_F(Signals, ALimitOnProcessorTimeSavesToo) {
  const pid_t child =
      start_after("ulimit -S -t 1; ", tiny_train(path("run"), {"--steps", "1000000", "--log-every", "1000"}));
  EXPECT_EQ(wait_for(child), 128 + SIGXCPU) << read("log");
  EXPECT_THAT(read("log"), HasSubstr("the limit on processor time is reached"));
  EXPECT_TRUE(std::filesystem::exists(path("run/checkpoint.h5")));
}

TEST_F(Signals, AReaderOfTheProgressThatHasGoneEndsNoRun) {
  const Ran ran = shell(joined(tiny_train(path("run"), {"--steps", "3000", "--log-every", "1"})) + "2>&1 | head -1");
  EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1) << ran.out;
  const Ran resumed = shell("train --resume --json --out '" + path("run") + "' 2>&1");
  EXPECT_THAT(resumed.out, HasSubstr("\"step\":3000")) << "the run came to its end";
}

}  // namespace
}  // namespace tapehead
