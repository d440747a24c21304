#include "experiments/ablation.hpp"

#include <gmock/gmock.h>

#include "program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class Ablate : public InFolder {
 protected:
  // The tiny training run, as a grid of 2 × 1 cells with two seeds.
  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = tiny_train(path("grid"), {"--vary", "heads=1,2", "--seeds", "2"});
    all.front() = "ablate";
    all.erase(std::ranges::find(all, "--heads"), std::ranges::find(all, "--heads") + 2);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_F(Ablate, WritesEveryRunAndMeanAndDeviationOfEachCell) {
  const Ran ran = run(words({"--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const std::vector<std::string> runs = lines_of(read("grid/runs.csv"));
  ASSERT_EQ(runs.size(), 5U);
  EXPECT_TRUE(runs[0].starts_with("heads,seed,loss,"));
  EXPECT_TRUE(runs[1].starts_with("1,1,"));
  EXPECT_TRUE(runs[2].starts_with("1,2,"));
  EXPECT_TRUE(runs[4].starts_with("2,2,"));

  const auto loss_of = [&](std::size_t i) { return std::stod(runs[i].substr(runs[i].find(',', 2) + 1)); };
  const double mean = (loss_of(1) + loss_of(2)) / 2;
  const double deviation = std::abs(loss_of(1) - loss_of(2)) / std::sqrt(2.0);
  const nlohmann::json cell = ran.json()["cells"][0];
  EXPECT_EQ(cell["options"]["heads"], "1");
  EXPECT_EQ(cell["runs"], 2);
  EXPECT_NEAR(cell["loss"]["mean"].get<double>(), mean, 1e-12);
  EXPECT_NEAR(cell["loss"]["deviation"].get<double>(), deviation, 1e-12);
  EXPECT_EQ(lines_of(read("grid/summary.csv")).size(), 3U);
}

TEST_F(Ablate, ARunOfTheGridIsTheRunThatTrainWouldMake) {
  ASSERT_EQ(run(words()).status, 0);
  const Ran single = run(tiny_train(path("single"), {"--seed", "2", "--json"}));
  EXPECT_THAT(lines_of(read("grid/runs.csv"))[4], HasSubstr(single.json()["parameter_digest"].get<std::string>()));
}

TEST_F(Ablate, StartedAgainItSkipsWhatIsFinishedAndGoesOnWithTheRest) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string before = read("grid/runs.csv");
  std::filesystem::remove(path("grid/heads=2/seed=1/result.json"));
  const Ran again = run(words());
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("[1/4] heads=1 seed=1  finished before"));
  EXPECT_THAT(again.err, testing::Not(HasSubstr("[3/4] heads=2 seed=1  finished before")));
  EXPECT_THAT(lines_of(read("grid/runs.csv"))[2], lines_of(before)[2]);
}

TEST_F(Ablate, OtherOptionsInTheSameFolderAreRefusedBeforeAnyRun) {
  ASSERT_EQ(run(words()).status, 0);
  const Ran other = run(words({"--clip", "1"}));
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("holds another run (clip = 0 there, clip = 1 now)"));
}

TEST_F(Ablate, ResultsOnOneSplitAreNotTakenForThoseOnTheOther) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string before = read("grid/runs.csv");
  const Ran other = run(words({"--split", "validation"}));
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("holds the result on the test split, not validation"));
  EXPECT_EQ(read("grid/runs.csv"), before);
}

TEST_F(Ablate, AResultThatIsInfiniteIsReadBack) {
  std::vector<std::string> diverging = words({"--lr", "3000"});
  const Ran first = run(diverging);
  ASSERT_EQ(first.status, 0) << first.err;
  const std::string before = read("grid/runs.csv");
  ASSERT_THAT(before, HasSubstr(",inf,")) << "the learning rate must be too much";
  const Ran again = run(diverging);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(read("grid/runs.csv"), before);
}

TEST_F(Ablate, TheTaskMayBeWhatIsVaried) {
  std::vector<std::string> tasks = words({"--vary", "task=copy,reverse"});
  tasks.erase(std::ranges::find(tasks, "--task"), std::ranges::find(tasks, "--task") + 2);
  const Ran ran = run(tasks);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(lines_of(read("grid/summary.csv")).size(), 5U);
}

// That a run came to nothing is a result, and no reason to lose the others.
TEST_F(Ablate, RunsThatDivergeAreCountedApart) {
  const std::vector<std::string> wild = words({"--vary", "lr=0.01,1e9", "--norm", "post"});
  const Ran ran = run(wild);
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("0 (2 diverged)"));
  EXPECT_THAT(read("grid/runs.csv"), HasSubstr("training: step "));
  const std::vector<std::string> summary = lines_of(read("grid/summary.csv"));
  ASSERT_EQ(summary.size(), 5U);
  EXPECT_TRUE(summary[1].starts_with("1,0.01,2,0,")) << summary[1];
  EXPECT_EQ(summary[2], "1,1000000000,0,2" + std::string(10, ','));
  EXPECT_EQ(std::ranges::count(summary[1], ','), std::ranges::count(summary[0], ','));

  const std::string before = read("grid/runs.csv");
  EXPECT_THAT(run(wild).err, HasSubstr("finished before"));
  EXPECT_EQ(read("grid/runs.csv"), before);
}

TEST_F(Ablate, SeedsBeyondTheLastAreRefused) {
  const Ran ran = run(words({"--seed", "9000000000000000"}));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--seed: 2 seeds from there on go beyond 9000000000000000; begin lower"));
}

TEST_F(Ablate, WhatCannotRunIsRefusedBeforeTheFirstRun) {
  EXPECT_THAT(run(words({"--vary", "d-model=8,7"})).err, HasSubstr("heads=2 d-model=7: heads: 2 heads do not divide"));
  EXPECT_THAT(run(words({"--vary", "norm=pre,non"})).err, HasSubstr("--vary norm: \"non\" is none of pre, post"));
  EXPECT_FALSE(std::filesystem::exists(path("grid")));
}

TEST_F(Ablate, EndsWithATable) {
  const Ran ran = run(words());
  const std::vector<std::string> lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 3U) << ran.out;
  EXPECT_THAT(lines[0], HasSubstr("exact match"));
  EXPECT_THAT(lines[1], HasSubstr(" ± "));
}

}  // namespace
}  // namespace tapehead
