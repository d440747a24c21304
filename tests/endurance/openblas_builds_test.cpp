// Debian builds OpenBLAS twice, with threads of its own and with OpenMP's. In either, a run takes the threads that it
// is told to, allocates nothing in a step, and gives the same bits.

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The folders of the builds that are installed, by name.
std::map<std::string, std::string> openblas_builds() {
  std::map<std::string, std::string> found;
  std::error_code error;
  for (const fs::directory_entry& architecture : fs::directory_iterator("/usr/lib", error)) {
    for (const char* name : {"pthread", "openmp"}) {
      const fs::path folder = architecture.path() / (std::string("openblas-") + name);
      if (fs::exists(folder / "libopenblas.so.0")) found[name] = folder.string();
    }
  }
  return found;
}

// Threads of a process that have had a tenth of a second of processor time at least.
int busy_threads(pid_t process) {
  int busy = 0;
  std::error_code error;
  for (const fs::directory_entry& task : fs::directory_iterator("/proc/" + std::to_string(process) + "/task", error)) {
    std::ifstream in(task.path() / "stat");
    std::string text;
    std::getline(in, text);
    std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));  // the name may hold spaces
    std::string field;
    long ticks = 0;
    for (int i = 3; i <= 15 && fields >> field; ++i) {
      if (i >= 14) ticks += std::stol(field);  // user and system time
    }
    busy += 10 * ticks >= sysconf(_SC_CLK_TCK);
  }
  return busy;
}

class OpenBlasBuild : public InFolder, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const auto builds = openblas_builds();
    if (!builds.contains(GetParam())) GTEST_SKIP() << "libopenblas0-" << GetParam() << " is not installed";
    environment_ = {{"LD_LIBRARY_PATH", builds.at(GetParam())}};
  }

  nlohmann::json json_of(const std::vector<std::string>& words) {
    Child child(TAPEHEAD_PROGRAM, words, path("log"), environment_);
    EXPECT_EQ(child.wait(), 0) << read("log");
    const std::string log = read("log");
    return nlohmann::json::parse(log.substr(std::min(log.find("\n{") + 1, log.find('{'))));
  }

  // So many come, and in the time after that no more.
  void expect_busy_threads(Child& child, int threads) const {
    for (int i = 0; i < 3000 && busy_threads(child.id()) < threads; ++i) {  // a minute on a busy machine
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_TRUE(child.running()) << read("log");
    EXPECT_EQ(busy_threads(child.id()), threads);
    child.kill();
  }

  std::map<std::string, std::string> environment_;
};

TEST_P(OpenBlasBuild, IsTheOneInUse) { EXPECT_EQ(json_of({"version", "--json"})["threading"], GetParam()); }

TEST_P(OpenBlasBuild, WorksOnAsManyThreadsAsAskedFor) {
  for (const int threads : {1, 2, 3}) {
    const std::string count = std::to_string(threads);
    Child products(BLAS_WORKERS, {count}, path("log"), environment_);
    expect_busy_threads(products, threads);
    Child training(TAPEHEAD_PROGRAM,
                   ragged_run(4, {"--steps", "1000000", "--threads", count, "--out", path("run" + count)}), path("log"),
                   environment_);
    expect_busy_threads(training, threads);
  }
}

TEST_P(OpenBlasBuild, StepsAllocateNothing) {
  Child child(ALLOCATION_TEST, {}, path("log"), environment_);
  EXPECT_EQ(child.wait(), 0) << read("log");
  EXPECT_THAT(read("log"), HasSubstr("PASSED"));
}

TEST_P(OpenBlasBuild, GivesTheBitsOfTheOther) {
  const std::vector<std::string> options{"--steps", "60", "--threads", "2", "--out"};
  std::vector<std::string> here = options;
  here.push_back(path("here"));
  std::vector<std::string> there = options;
  there.push_back(path("there"));
  const nlohmann::json found = json_of(ragged_run(3, there));
  if (json_of({"version", "--json"})["kernel"] != run({"version", "--json"}).json()["kernel"]) {
    GTEST_SKIP() << "the two choose other kernels here";
  }
  EXPECT_EQ(found["parameter_digest"], run(ragged_run(3, here)).json()["parameter_digest"]);
}

INSTANTIATE_TEST_SUITE_P(Builds, OpenBlasBuild, testing::Values("pthread", "openmp"),
                         [](const auto& at) { return std::string(at.param); });

}  // namespace
}  // namespace tapehead
