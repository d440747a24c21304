// A run that is killed again and again, anywhere, and resumed, ends as the run that was left alone.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "autograd/base/random.hpp"
#include "tests/endurance/child.hpp"
#include "tests/experiments/program_support.hpp"
#include "tests/support/metrics_text.hpp"

namespace tapehead {
namespace {

struct Plan {
  const char* name;
  int shards;
  const char* steps;
  const char* checkpoint_every;
  const char* d_model;  // a larger model takes longer to write
};

// How many of the kills found what.
struct Kills {
  int all = 0, writing = 0, before_first_checkpoint = 0;
};

class Kill : public InFolder, public testing::WithParamInterface<Plan> {
 protected:
  static bool never(const Plan& plan) { return std::string(plan.checkpoint_every) == "0"; }
  static std::vector<std::string> options(const Plan& plan, const std::string& folder, int threads) {
    std::vector<std::string> more{"--steps",   plan.steps,   "--checkpoint-every", plan.checkpoint_every,
                                  "--d-model", plan.d_model, "--threads",          std::to_string(threads),
                                  "--out",     folder};
    if (!never(plan)) more.insert(more.end(), {"--validate-every", "30", "--validation-limit", "10"});
    return ragged_run(plan.shards, more);
  }
  std::vector<std::string> next(const Plan& plan, int threads) const {
    if (!std::filesystem::exists(path("killed/config.cfg"))) return options(plan, path("killed"), threads);
    return {"train", "--resume", "--json", "--out", path("killed"), "--threads", std::to_string(threads)};
  }
};

constexpr int kThreads[] = {1, 2, 3, 5};

TEST_P(Kill, AtRandomMomentsChangesNothing) {
  const Plan& plan = GetParam();
  const auto begin = std::chrono::steady_clock::now();
  const Ran whole = run(options(plan, path("whole"), 2));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ASSERT_EQ(whole.status, 0) << whole.err;

  const RandomStream random(1, Purpose::test, static_cast<std::uint64_t>(plan.shards));
  const int wanted = endurance(3, 25);
  Kills kills;
  for (std::uint32_t i = 0; kills.all < wanted; ++i) {
    ASSERT_LT(i, 1000U) << "the run ends before it can be killed";
    // A run that has no checkpoint begins again each time: it may be killed anywhere in all of its time.
    const double longest = never(plan) ? seconds : std::min(seconds, 0.3);
    Child child(TAPEHEAD_PROGRAM, next(plan, kThreads[i % 4]), path("log"));
    std::this_thread::sleep_for(std::chrono::duration<double>(random.uniform(i) * longest));
    // Every other one waits for the moment that a checkpoint is being written.
    const bool aimed = i % 2 == 0 && std::string(plan.checkpoint_every) == "1";
    while (aimed && child.running() && !std::filesystem::exists(path("killed/checkpoint.h5.new"))) {
    }
    if (!child.kill()) {
      ASSERT_EQ(child.wait(), 0) << read("log");
      std::filesystem::remove_all(path("killed"));  // it was done: from the start again
      continue;
    }
    ++kills.all;
    kills.writing += std::filesystem::exists(path("killed/checkpoint.h5.new"));
    kills.before_first_checkpoint += !std::filesystem::exists(path("killed/checkpoint.h5"));
  }
  std::cout << fmt::format("{}: {} kills, {} of them while a checkpoint was written, {} before the first one\n",
                           plan.name, kills.all, kills.writing, kills.before_first_checkpoint);

  Child last(TAPEHEAD_PROGRAM, next(plan, 2), path("log"));
  ASSERT_EQ(last.wait(), 0) << read("log");
  const Ran end = run({"train", "--resume", "--json", "--out", path("killed")});
  EXPECT_EQ(end.json()["parameter_digest"], whole.json()["parameter_digest"]);
  EXPECT_EQ(metrics_without_times(read("killed/metrics.csv")), metrics_without_times(read("whole/metrics.csv")));
  EXPECT_EQ(read("killed/config.cfg"), read("whole/config.cfg"));
  if (!never(plan)) {
    EXPECT_EQ(run({"eval", path("killed/best.h5"), "--json"}).out, run({"eval", path("whole/best.h5"), "--json"}).out);
  }
  EXPECT_FALSE(std::filesystem::exists(path("killed/checkpoint.h5.new")));
}

INSTANTIATE_TEST_SUITE_P(Plans, Kill,
                         testing::Values(Plan{"every_step", 4, "300", "1", "32"},
                                         Plan{"every_step_large", 3, "40", "1", "256"},
                                         Plan{"every_seventh", 3, "400", "7", "32"},
                                         Plan{"never", 4, "400", "0", "32"}),
                         [](const auto& at) { return std::string(at.param.name); });

}  // namespace
}  // namespace tapehead
