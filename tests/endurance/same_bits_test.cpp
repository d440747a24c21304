// The same bits whatever the threads, and a warning where they may differ: the program from outside.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "autograd/kernels/blas.hpp"
#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"
#include "tests/support/metrics_text.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class SameBits : public InFolder {
 protected:
  std::string digest(const std::string& name, int shards, const std::vector<std::string>& more) {
    std::vector<std::string> all{"--out", path(name)};
    all.insert(all.end(), more.begin(), more.end());
    const Ran ran = run(ragged_run(shards, all));
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.json()["parameter_digest"];
  }
};

TEST_F(SameBits, OneDigestForEachNumberOfShardsWhateverTheThreads) {
  std::vector<std::string> digests;
  for (const int shards : {3, 4}) {
    const std::vector<std::string> options{"--steps", "150", "--validate-every", "40", "--threads"};
    for (const char* threads : {"1", "2", "3", "5"}) {
      std::vector<std::string> more = options;
      more.emplace_back(threads);
      const std::string name = fmt::format("S{}T{}", shards, threads);
      const std::string found = digest(name, shards, more);
      if (more.back() == "1") digests.push_back(found);
      EXPECT_EQ(found, digests.back()) << "threads " << threads << ", shards " << shards;
      EXPECT_EQ(metrics_without_times(read(name + "/metrics.csv")),
                metrics_without_times(read(fmt::format("S{}T1/metrics.csv", shards))));
    }
  }
  EXPECT_NE(digests[0], digests[1]) << "shards are part of the configuration: their sums round otherwise";
}

TEST_F(SameBits, ResumingUnderAnotherKernelWarns) {
  // A kernel that every x86-64 processor has, and that is not the one in use.
  const std::string kernel = blas_info().kernel;
  const std::string other = kernel == "Nehalem" ? "Sandybridge" : "Nehalem";
  if (kernel == "unknown") GTEST_SKIP() << "not OpenBLAS";
  digest("run", 3, {"--steps", "20"});
  Child same(TAPEHEAD_PROGRAM, {"train", "--resume", "--out", path("run"), "--steps", "21"}, path("same.log"));
  ASSERT_EQ(same.wait(), 0) << read("same.log");
  EXPECT_EQ(read("same.log").find("warning"), std::string::npos) << read("same.log");
  Child resumed(TAPEHEAD_PROGRAM, {"train", "--resume", "--out", path("run"), "--steps", "22"}, path("other.log"),
                {{"OPENBLAS_CORETYPE", other}});
  ASSERT_EQ(resumed.wait(), 0) << read("other.log");
  EXPECT_THAT(
      read("other.log"),
      HasSubstr(fmt::format("was written by another: BLAS kernel {}, now {}; the last bits may", kernel, other)));
}

}  // namespace
}  // namespace tapehead
