#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <array>
#include <memory>
#include <string>

#include "autograd/kernels/blas.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::Not;

// What the program writes on stdout and stderr when its BLAS starts as `Prescott`.
std::string run_program(const std::string& environment) {
  const std::string command = "env -u OPENBLAS_CORETYPE -u TAPEHEAD_BLAS_REEXEC LD_PRELOAD=" KERNEL_SHIM " " +
                              environment + " " PROGRAM " first 'second one' 2>&1";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 4096> block{};
  while (const auto n = fread(block.data(), 1, block.size(), pipe.get())) text.append(block.data(), n);
  return text;
}

int starts(const std::string& output) {
  int count = 0;
  for (auto at = output.find("started\n"); at != std::string::npos; at = output.find("started\n", at + 1)) ++count;
  return count;
}

class BlasRestart : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_kernel_below("Prescott", best_)) GTEST_SKIP() << "this processor has no better kernel than Prescott";
  }

  const std::string best_ = best_openblas_kernel(cpu_features());
};

TEST_F(BlasRestart, TheProgramStartsOverOnceWithTheBestKernel) {
  const std::string output = run_program("");
  EXPECT_EQ(starts(output), 2) << output;
  EXPECT_THAT(output, HasSubstr("kernel " + best_ + "\n"));
  EXPECT_THAT(output, HasSubstr("argument first\nargument second one\n"));
  EXPECT_THAT(output, HasSubstr("user_forced 0\n")) << "the setting is the program's own";
  EXPECT_THAT(output, Not(HasSubstr("warning")));
}

TEST_F(BlasRestart, TheUsersOwnSettingStays) {
  const std::string output = run_program("OPENBLAS_CORETYPE=Nehalem");
  EXPECT_EQ(starts(output), 1) << output;
  EXPECT_THAT(output, HasSubstr("kernel Nehalem\nuser_forced 1\n"));
  EXPECT_THAT(output, Not(HasSubstr("warning")));
}

TEST_F(BlasRestart, AGoodKernelIsLeftAlone) {
  // The guard alone makes no difference to a program whose kernel is good.
  const std::string output = run_program("TAPEHEAD_BLAS_REEXEC=1 OPENBLAS_CORETYPE=" + best_);
  EXPECT_EQ(starts(output), 1) << output;
  EXPECT_THAT(output, Not(HasSubstr("warning")));
}

TEST_F(BlasRestart, AKernelThatStaysLowDoesNotLoopAndIsReported) {
  const std::string output = run_program("SHIM_STUCK=1");
  EXPECT_EQ(starts(output), 2) << output;
  EXPECT_THAT(output, HasSubstr("kernel Prescott\n"));
  EXPECT_THAT(output, HasSubstr("OPENBLAS_CORETYPE=" + best_ + " had no effect"));
}

TEST_F(BlasRestart, ASettingThatOpenBlasDoesNotKnowIsReported) {
  const std::string output = run_program("SHIM_STUCK=1 OPENBLAS_CORETYPE=Granite");
  EXPECT_EQ(starts(output), 1) << output;
  EXPECT_THAT(output, HasSubstr("uses its Prescott kernel"));
  EXPECT_THAT(output, HasSubstr("set OPENBLAS_CORETYPE=" + best_));
}

TEST_F(BlasRestart, AProgramThatCannotStartOverGoesOnWithAWarning) {
  const std::string output = run_program("SHIM_NO_EXEC=1");
  EXPECT_EQ(starts(output), 1) << output;
  EXPECT_THAT(output, HasSubstr("cannot start over with a faster BLAS kernel: Permission denied"));
  EXPECT_THAT(output, HasSubstr("kernel Prescott\nuser_forced 0\n"));
}

}  // namespace
}  // namespace tapehead
