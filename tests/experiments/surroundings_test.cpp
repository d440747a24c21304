// Where the program is started: descriptors that are closed, small address spaces, few processes, few processors.

#include <gmock/gmock.h>
#include <sched.h>

#include <fmt/format.h>

#include "autograd/poison.hpp"
#include "tests/experiments/shell_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Surroundings : public InShell {};

TEST_F(Surroundings, NothingIsWrittenIntoAFileThatTookTheNumberOfAClosedStandardError) {
  const std::vector<std::string> more{"--steps", "20", "--log-every", "2", "--json"};
  ASSERT_EQ(shell(joined(tiny_train(path("open"), more)) + "2>/dev/null").status, 0);
  ASSERT_EQ(shell(joined(tiny_train(path("closed"), more)) + "2>&-").status, 0);
  const auto rows = [&](const std::string& name) { return std::ranges::count(read(name), '\n'); };
  EXPECT_EQ(rows("closed/metrics.csv"), rows("open/metrics.csv")) << read("closed/metrics.csv");
  EXPECT_EQ(read("closed/metrics.csv").find("step 2/20"), std::string::npos);
}

TEST_F(Surroundings, AClosedStandardInputIsAnError) {
  ASSERT_EQ(shell(joined(tiny_train(path("run"))) + ">/dev/null 2>&1").status, 0);
  const Ran ran = shell("predict '" + path("run") + "' <&- 2>&1");
  EXPECT_EQ(ran.status, 2) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("standard input: cannot be read"));
}

TEST_F(Surroundings, AClosedStandardOutputIsAnError) {
  EXPECT_EQ(shell("list 2>&1 >&-").out, "tapehead: the results cannot be written to standard output\n");
}

TEST_F(Surroundings, AFolderWhoseNameIsNotUtf8IsStillJson) {
  const Ran ran = shell(joined(tiny_train(path("j\xff"), {"--json"})) + "2>/dev/null");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(std::string(ran.json()["checkpoint"]), HasSubstr("j\uFFFD/checkpoint.h5"));
}

// OpenBLAS starts a thread for each processor as it is loaded, and neither bears that there is no room for one.
TEST_F(Surroundings, ASmallAddressSpaceIsEnoughForACommandThatMultipliesNothing) {
  if (kPoisons) GTEST_SKIP() << "a sanitizer takes terabytes of it";
  const Ran ran = shell_command(fmt::format("ulimit -v 150000; timeout 20 '{}' list 2>&1", TAPEHEAD_PROGRAM));
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("copy"));
}

TEST_F(Surroundings, ProgramsThatItStartsSeeTheUsersOpenBlasThreads) {
  const std::string peer = path("peer");
  write("peer", "#!/bin/sh\necho \"threads ${OPENBLAS_NUM_THREADS-none}\" >>'" + path("seen") + "'\n");
  std::filesystem::permissions(peer, std::filesystem::perms::owner_all);
  shell("bench --d-model 8 --heads 2 --layers 1 --rounds 1 --seconds 0.01 --against '" + peer + "' >/dev/null 2>&1");
  EXPECT_THAT(read("seen"), StartsWith("threads none\n"));
  shell_command(
      fmt::format("OPENBLAS_NUM_THREADS=3 '{}' bench --d-model 8 --heads 2 --layers 1 --rounds 1 --seconds 0.01 "
                  "--against '{}' 2>&1",
                  TAPEHEAD_PROGRAM, peer));
  EXPECT_THAT(read("seen"), HasSubstr("threads 3\n"));
}

TEST_F(Surroundings, AsManyThreadsAsProcessorsThatItMayUse) {
  cpu_set_t mine;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mine), &mine), 0);
  int first = 0;
  while (!CPU_ISSET(first, &mine)) ++first;
  const Ran ran = shell_command(
      fmt::format("taskset -c {} '{}' {} 2>&1", first, TAPEHEAD_PROGRAM, joined(tiny_train(path("run")))));
  EXPECT_THAT(ran.out, HasSubstr(", 1 thread")) << ran.out;
}

TEST_F(Surroundings, TheProgramIsHardened) {
  if (kPoisons) GTEST_SKIP() << "a sanitizer does better";
  const std::string elf =
      shell_command(fmt::format("readelf --wide --dynamic --program-headers --dyn-syms '{}'", TAPEHEAD_PROGRAM)).out;
  EXPECT_THAT(elf, HasSubstr("GNU_RELRO"));
  EXPECT_THAT(elf, testing::ContainsRegex("BIND_NOW|Flags: NOW"))
      << "all addresses are resolved at the start, so that none need be written later";
  EXPECT_THAT(elf, HasSubstr("__stack_chk_fail"));
  EXPECT_THAT(elf, testing::ContainsRegex("__[a-z]+_chk@"));
}

}  // namespace
}  // namespace tapehead
