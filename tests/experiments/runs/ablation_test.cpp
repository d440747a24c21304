#include "experiments/runs/ablation.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>

#include "datasets/digest.hpp"
#include "experiments/runs/folder_lock.hpp"
#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Ablate : public InFolder {
 protected:
  // The tiny training run, as a grid of 2 × 1 cells with two seeds.
  std::vector<std::string> words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> grid{"--vary", "heads=1,2"};
    if (std::ranges::find(more, "--seeds") == more.end()) grid.insert(grid.end(), {"--seeds", "2"});
    grid.insert(grid.end(), more.begin(), more.end());
    std::vector<std::string> all = tiny_train(path("grid"), grid);
    all.front() = "ablate";
    for (const std::string& word : grid) {
      const auto varied = std::ranges::find(all, "--" + word.substr(0, word.find('=')));
      if (word.find('=') != std::string::npos && varied != all.end()) all.erase(varied, varied + 2);
    }
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

// Finite, but its perplexity is not: of such numbers no mean can be taken.
TEST_F(Ablate, ALossBeyondEveryPerplexityIsADivergedRun) {
  const std::vector<std::string> wild = words({"--lr", "3000"});
  const Ran first = run(wild);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("nats a token: no number holds its perplexity"));
  for (const std::string& text : {first.out, read("grid/summary.csv"), read("grid/runs.csv")}) {
    EXPECT_THAT(text, testing::Not(testing::ContainsRegex("(nan|inf)[^a-z]"))) << text;
  }
  const std::string before = read("grid/runs.csv");
  EXPECT_EQ(run(wild).status, 0);
  EXPECT_EQ(read("grid/runs.csv"), before);
}

TEST_F(Ablate, TheTaskMayBeWhatIsVaried) {
  const Ran ran = run(words({"--vary", "task=copy,reverse"}));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(lines_of(read("grid/summary.csv")).size(), 5U);
}

// Lengths and tasks make other held-out sequences: their cells are shown one below the other.
TEST_F(Ablate, CellsWithOtherHeldOutSequencesHaveTablesOfTheirOwn) {
  const Ran apart = run(words({"--vary", "max-length=5,6", "--test-size", "20", "--seeds", "1"}));
  ASSERT_EQ(apart.status, 0) << apart.err;
  EXPECT_THAT(apart.out, HasSubstr("they cannot be compared"));
  std::size_t headings = 0;
  for (std::size_t at = 0; (at = apart.out.find("judged on 20 test sequences", at)) != std::string::npos; ++at)
    ++headings;
  EXPECT_EQ(headings, 2U);
  const auto cells =
      run(words({"--vary", "max-length=5,6", "--test-size", "20", "--seeds", "1", "--json"})).json()["cells"];
  ASSERT_EQ(cells.size(), 4U);  // heads=1 with both lengths, heads=2 with both
  EXPECT_NE(cells[0]["held_out"], cells[1]["held_out"]);
  EXPECT_EQ(cells[0]["held_out"], cells[2]["held_out"]);
  EXPECT_EQ(cells[1]["held_out"], cells[3]["held_out"]);
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
  EXPECT_TRUE(summary[2].starts_with("1,1000000000,0,2,20,")) << summary[2];
  EXPECT_TRUE(summary[2].ends_with(std::string(10, ','))) << summary[2];
  EXPECT_EQ(std::ranges::count(summary[2], ','), std::ranges::count(summary[0], ','));
  EXPECT_THAT(ran.out, HasSubstr("means leave out runs that diverged"));
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
  ASSERT_EQ(lines.size(), 4U) << ran.out;
  EXPECT_EQ(lines[0], "judged on 20 test sequences, 6 target words: the last weights, checkpoint.h5");
  EXPECT_THAT(lines[1], HasSubstr("exact match"));
  EXPECT_THAT(lines[2], HasSubstr(" ± "));
  EXPECT_THAT(ran.err, testing::StartsWith("4 runs: 2 cells with 2 seeds each\n"));
}

// Two cells of different names that train the same would look like two results.
TEST_F(Ablate, TheSameRunUnderTwoNamesIsRefused) {
  const Ran ran = run(words({"--vary", "shards=0,4", "--batch", "8"}));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("heads=1 shards=0 and heads=1 shards=4 are the same run"));
}

TEST_F(Ablate, TooManyRunsAreRefusedBeforeTheyAreMade) {
  std::string values = "clip=1";
  for (int i = 2; i <= 400; ++i) values += "," + std::to_string(i);
  std::string steps = "warmup=0";
  for (int i = 1; i < 300; ++i) steps += "," + std::to_string(i);
  const Ran ran = run(words({"--vary", values, "--vary", steps, "--seeds", "1"}));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("over 100000 cells with 1 seeds each are more than 100000 runs"));
  EXPECT_FALSE(std::filesystem::exists(path("grid")));
}

TEST_F(Ablate, TooManyOptionsToNameAFolderAfterAreRefused) {
  std::vector<std::string> more;
  for (const char* vary : {"initialisation=xavier", "positions=sinusoidal", "label-smoothing=0.123456789",
                           "dropout=0.123456789012", "plateau-patience=5", "validation-limit=123456", "symbols=6",
                           "attention=whole", "adam-epsilon=0.00012345678901", "norm-kind=layer", "activation=relu",
                           "max-positions=123", "weight-decay=0.000123456789", "validate-every=100"}) {
    more.insert(more.end(), {"--vary", vary});
  }
  const Ran ran = run(words(more));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("15 options are too many to name a folder after"));
}

// A sweep over text, whose files can change under it.
class AblateText : public Ablate {
 protected:
  void SetUp() override {
    write("train.tsv", pairs(60, 1));
    write("valid.tsv", pairs(12, 2));
    write("test.tsv", pairs(20, 3));
  }

  static std::string pairs(int count, unsigned seed) {
    std::string text;
    unsigned state = seed;
    const auto letter = [&] {
      return static_cast<char>('a' + (state = state * 1'664'525U + 1'013'904'223U) / 65'536U % 5);
    };
    for (int i = 0; i < count; ++i) {
      const std::string source{letter(), ' ', letter(), ' ', letter()};
      std::string target = source;
      std::ranges::transform(target, target.begin(),
                             [](char c) { return c == ' ' ? c : static_cast<char>(c - 'a' + 'A'); });
      text += source + "\t" + target + "\n";
    }
    return text;
  }

  std::vector<std::string> text_words(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"ablate",
                                 "--train",
                                 path("train.tsv"),
                                 "--valid",
                                 path("valid.tsv"),
                                 "--test",
                                 path("test.tsv"),
                                 "--d-model",
                                 "8",
                                 "--d-ff",
                                 "8",
                                 "--layers",
                                 "1",
                                 "--batch",
                                 "8",
                                 "--steps",
                                 "12",
                                 "--log-every",
                                 "4",
                                 "--seeds",
                                 "1",
                                 "--out",
                                 path("grid")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

// What was judged on 20 sequences and what is judged on 5 must never stand in one table: not in a larger grid either.
TEST_F(AblateText, OtherDataAreRefusedByName) {
  ASSERT_EQ(run(text_words({"--vary", "heads=1,2"})).status, 0);
  const std::string before = read("grid/runs.csv");
  const std::string test = read("test.tsv"), valid = read("valid.tsv"), train = read("train.tsv");
  const auto refusal = [&] {
    const Ran ran = run(text_words({"--vary", "heads=1,2,4"}));
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(read("grid/runs.csv"), before);
    return ran.err;
  };
  write("test.tsv", pairs(5, 3));
  EXPECT_THAT(refusal(),
              HasSubstr("grid/heads=1/seed=1: holds a run that cannot be compared: 20 test sequences, now 5"));
  write("test.tsv", pairs(20, 4));
  EXPECT_THAT(refusal(), HasSubstr("other test sequences (20)"));
  write("test.tsv", test);
  write("valid.tsv", pairs(12, 5));
  EXPECT_THAT(refusal(), HasSubstr("other validation sequences (12)"));
  write("valid.tsv", valid);
  write("train.tsv", train + train);
  EXPECT_THAT(refusal(), HasSubstr("other training data"));
  write("train.tsv", train + "a b x\tA B X\n");
  EXPECT_THAT(refusal(), HasSubstr("5 source words, now 6; 5 target words, now 6"));
  write("train.tsv", train);
  EXPECT_EQ(run(text_words({"--vary", "heads=1,2,4"})).status, 0) << "the same data again";
}

TEST_F(AblateText, AStoppedRunOfOtherDataIsNotGoneOnWith) {
  ASSERT_EQ(run(text_words({"--vary", "heads=1,2"})).status, 0);
  std::filesystem::remove(path("grid/heads=1/seed=1/result.json"));  // as if it had been stopped
  write("train.tsv", read("train.tsv") + "a b c\tA B C\n");
  std::filesystem::remove_all(path("grid/heads=2"));
  const Ran ran = run(text_words({"--vary", "heads=1,2"}));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("grid/heads=1/seed=1: holds a run that was begun on other data"));
  EXPECT_FALSE(std::filesystem::exists(path("grid/heads=2"))) << "before any run";
}

// Cells that know other words have losses over other words.
TEST_F(AblateText, CellsWithOtherVocabulariesHaveTablesOfTheirOwn) {
  write("train.tsv", read("train.tsv") + "a b x\tA B X\n");
  const Ran ran = run(text_words({"--vary", "min-count=1,2"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("judged on 20 test sequences, 6 target words"));
  EXPECT_THAT(ran.out, HasSubstr("judged on 20 test sequences, 5 target words"));
}

// Replaces a part of a result, and its digest unless that is to be wrong.
void change_result(const std::string& path, const std::function<void(nlohmann::ordered_json&)>& change, bool sealed) {
  nlohmann::ordered_json object = nlohmann::ordered_json::parse(std::ifstream(path));
  const std::string digest = object["digest"];
  object.erase("digest");
  change(object);
  object["digest"] = sealed ? fmt::format("{:016x}", digest_bytes(object.dump())) : digest;
  std::ofstream(path) << object.dump(2);
}

TEST_F(Ablate, AnotherBuildIsRefusedByName) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string result = path("grid/heads=2/seed=2/result.json");
  const std::string whole = read("grid/heads=2/seed=2/result.json");
  for (const auto& [field, message] : {std::pair{"program", "program tapehead 9"},
                                       {"blas_kernel", "BLAS kernel tapehead 9"},
                                       {"blas_library", "BLAS library tapehead 9"}}) {
    change_result(
        result, [&](auto& object) { object["made_with"][field] = "tapehead 9"; }, true);
    const Ran ran = run(words());
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("heads=2/seed=2: holds a run that cannot be compared: " + std::string(message)));
    write("grid/heads=2/seed=2/result.json", whole);
  }
  EXPECT_EQ(run(words()).status, 0);
}

// config.cfg may be gone; the result knows what it is of.
TEST_F(Ablate, AResultOfOtherOptionsIsRefusedWithoutItsConfiguration) {
  ASSERT_EQ(run(words()).status, 0);
  for (const char* run : {"heads=1/seed=1", "heads=1/seed=2", "heads=2/seed=1", "heads=2/seed=2"}) {
    std::filesystem::remove(path(std::string("grid/") + run + "/config.cfg"));
  }
  EXPECT_EQ(run(words()).status, 0);
  const Ran other = run(words({"--clip", "1"}));
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("heads=1/seed=1: holds the result of a run with other options"));
}

TEST_F(Ablate, AResultThatNoRunComesToIsRefused) {
  ASSERT_EQ(run(words({"--seeds", "1"})).status, 0);
  const std::string name = "grid/heads=1/seed=1/result.json";
  const std::string whole = read(name);
  const auto refusal = [&](const std::function<void(nlohmann::ordered_json&)>& change, bool sealed = true) {
    change_result(path(name), change, sealed);
    const Ran ran = run(words({"--seeds", "1"}));
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(path(name) + ": "));
    write(name, whole);
    return ran.err;
  };
  EXPECT_THAT(refusal([](auto& o) { o["judged"]["metrics"]["exact_match"] = 1.0; }, false),
              HasSubstr("its digest is another"));
  EXPECT_THAT(refusal([](auto& o) { o["judged"]["metrics"]["exact_match"] = 7.5; }),
              HasSubstr("exact_match is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["judged"]["metrics"]["exact_match"] = -0.1; }),
              HasSubstr("exact_match is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["judged"]["metrics"]["loss"] = "low"; }), HasSubstr("loss is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["judged"]["metrics"]["sequences"] = 0; }), HasSubstr("sequences is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["seconds"] = -1; }), HasSubstr("seconds is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["steps"] = 5; }), HasSubstr("step is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["steps"] = 1.5; }), HasSubstr("steps is none that"));
  EXPECT_THAT(refusal([](auto& o) { o["judged"].erase("metrics"); }), HasSubstr("is damaged; remove it"));
  EXPECT_THAT(refusal([](auto& o) { o["made_with"] = 3; }), HasSubstr("is damaged; remove it"));
  EXPECT_THAT(refusal([](auto& o) { o["version"] = 3; }), HasSubstr("is of version 3, this program reads version 2"));
  EXPECT_THAT(refusal([](auto& o) { o.erase("format"); }), HasSubstr("does not say which data it is of"));
  for (const char* text : {"", "{", "[]", "null", "7", "\xff", "{\"loss\": 1.0, \"split\": \"test\"}"}) {
    write(name, text);
    const Ran ran = run(words({"--seeds", "1"}));
    EXPECT_EQ(ran.status, 2) << text;
    EXPECT_THAT(ran.err, AllOf(HasSubstr(path(name) + ": "), HasSubstr("remove it"))) << text;
  }
  std::filesystem::remove(path(name));
  EXPECT_EQ(run(words({"--seeds", "1"})).status, 0) << "as the message says";
  EXPECT_EQ(nlohmann::json::parse(read(name))["judged"], nlohmann::json::parse(whole)["judged"]);
}

// The weights that were best on the validation data are what a run is for; the last ones are shown too.
TEST_F(Ablate, TheBestWeightsAreJudged) {
  const std::vector<std::string> restless =
      words({"--lr", "0.1", "--steps", "90", "--validate-every", "3", "--early-stop", "4", "--seeds", "1", "--json"});
  const Ran ran = run(restless);
  ASSERT_EQ(ran.status, 0) << ran.err;
  bool differ = false;
  const auto cells = ran.json()["cells"];
  ASSERT_EQ(cells.size(), 2U);
  for (const auto& cell : cells) {
    EXPECT_EQ(cell["weights"], "best");
    const std::string folder = path("grid/heads=" + cell["options"]["heads"].get<std::string>() + "/seed=1");
    const auto best = run({"eval", folder + "/best.h5", "--json"}).json();
    const auto last = run({"eval", folder + "/checkpoint.h5", "--json"}).json();
    EXPECT_EQ(cell["loss"]["mean"], best["loss"]);
    EXPECT_EQ(cell["last"]["loss"]["mean"], last["loss"]);
    differ |= best["loss"] != last["loss"];
    const auto result = nlohmann::json::parse(std::ifstream(folder + "/result.json"));
    EXPECT_EQ(result["judged"]["checkpoint"], "best.h5");
    EXPECT_EQ(result["judged"]["step"], best["step"]);
    EXPECT_EQ(result["steps"], last["step"]);
  }
  EXPECT_TRUE(differ) << "the runs must end with worse weights than their best";
  std::vector<std::string> again = restless;
  again.pop_back();  // --json
  EXPECT_THAT(run(again).out, AllOf(HasSubstr("the weights with the lowest validation loss, best.h5"),
                                    HasSubstr("the last weights of the same runs, checkpoint.h5")));
}

TEST_F(Ablate, ABestThatIsNotOfThisRunIsRefused) {
  const std::vector<std::string> all =
      words({"--lr", "0.1", "--steps", "90", "--validate-every", "3", "--early-stop", "4", "--seeds", "1"});
  ASSERT_EQ(run(all).status, 0);
  const std::string folder = path("grid/heads=1/seed=1");
  std::filesystem::remove(folder + "/result.json");
  std::filesystem::copy_file(folder + "/checkpoint.h5", folder + "/best.h5",
                             std::filesystem::copy_options::overwrite_existing);
  const Ran ran = run(all);
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("but the best of this run was step"));
}

TEST_F(Ablate, ASecondOneOnTheSameFolderIsToldWhoHasIt) {
  ASSERT_EQ(run(words()).status, 0);
  const FolderLock other(path("grid"), "ablate");
  const Ran ran = run(words());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err,
              HasSubstr(path("grid") + ": is in use by tapehead ablate, process " + std::to_string(getpid()) + " on "));
}

// A model without room for the long lines is judged on the short ones alone, which are easier.
TEST_F(AblateText, CellsThatLeaveOutOtherSequencesStandInTablesOfTheirOwn) {
  write("test.tsv", pairs(5, 3) + "a b c d e a b c d e\tA B C D E A B C D E\n");
  const Ran ran = run(text_words({"--vary", "max-positions=6,20", "--max-length", "4", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("max-positions=6: 1 of 6 test sequences need more than the model's 6 positions"));
  const nlohmann::json cells = ran.json()["cells"];
  ASSERT_EQ(cells.size(), 2U);
  EXPECT_NE(cells[0]["held_out"], cells[1]["held_out"]);
}

TEST_F(AblateText, ASplitOfWhichNothingCanBeJudgedIsRefusedBeforeAnyRun) {
  write("test.tsv", "a b c d e a b c d e\tA B C D E A B C D E\n");
  const Ran ran = run(text_words({"--vary", "heads=1,2", "--max-length", "4"}));
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("none of the test sequences fits into the model's"));
  EXPECT_FALSE(std::filesystem::exists(path("grid/heads=1")));
}

}  // namespace
}  // namespace tapehead
