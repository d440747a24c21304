#include "experiments/runs/ablation.hpp"

#include <gmock/gmock.h>

#include "tests/experiments/runs/ablation_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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
  EXPECT_THAT(run(words({"--vary", "norm=pre,non"})).err,
              HasSubstr("--vary norm: \"non\" is none of pre, post, both, none"));
  EXPECT_FALSE(std::filesystem::exists(path("grid")));
}

TEST_F(Ablate, EndsWithATable) {
  const Ran ran = run(words());
  const std::vector<std::string> lines = lines_of(ran.out);
  ASSERT_GE(lines.size(), 4U) << ran.out;
  EXPECT_EQ(lines[0], "judged on 20 test sequences, 6 target words: the last weights, checkpoint.h5");
  EXPECT_THAT(lines[1], HasSubstr("exact match"));
  EXPECT_THAT(lines[2], HasSubstr(" ± "));
  EXPECT_THAT(ran.err, testing::StartsWith("4 runs: 2 cells with 2 seeds each\n"));
}

// By length, as the task has it: what parts come to makes up the whole, and a line says what it is.
TEST_F(Ablate, TellsPartsOfTheSequencesApart) {
  const Ran ran = run(words());
  ASSERT_EQ(ran.status, 0) << ran.err;
  const std::vector<std::string> lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 9U) << ran.out;
  EXPECT_EQ(lines[5], "exact match by length");
  EXPECT_THAT(lines[6], testing::ContainsRegex("heads +2 +3 +4 +5"));
  EXPECT_THAT(ran.out, HasSubstr("ms a step"));
  const std::vector<std::string> rows = lines_of(read("grid/slices.csv"));
  ASSERT_EQ(rows.size(), 1 + 4 * 4U) << "four runs, four lengths";
  EXPECT_THAT(rows[0], testing::StartsWith("heads,seed,slice,first,last,"));
  EXPECT_THAT(rows[1], testing::StartsWith("1,1,length,2,2,"));
  const auto cells_of = [](const std::string& row) {
    std::vector<std::string> cells;
    std::istringstream in(row);
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    return cells;
  };
  const auto at = [&](const std::vector<std::string>& table, std::size_t row, const std::string& title) {
    const std::vector<std::string> titles = cells_of(table[0]);
    const auto found = std::ranges::find(titles, title);
    return std::stod(cells_of(table[row]).at(static_cast<std::size_t>(found - titles.begin())));
  };
  const std::vector<std::string> runs = lines_of(read("grid/runs.csv"));
  for (const std::string metric : {"token_accuracy", "exact_match"}) {
    const std::string weight = metric == "exact_match" ? "sequences" : "tokens";
    for (std::size_t r = 0; r < 4; ++r) {
      double sum = 0;
      for (std::size_t part = 1 + 4 * r; part < 5 + 4 * r; ++part) {
        sum += at(rows, part, metric) * at(rows, part, weight);
      }
      EXPECT_NEAR(sum, at(runs, r + 1, metric) * at(runs, r + 1, weight), 1e-9) << metric;
    }
  }
  EXPECT_THAT(run(words()).out, testing::EndsWith(ran.out)) << "results that were read say the same";
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
  EXPECT_THAT(ran.err, HasSubstr("over 100000 cells with 1 seed each are more than 100000 runs"));
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

// What was judged on 20 sequences and what is judged on 5 must never stand in one table: not in a larger grid either.

// Cells that know other words have losses over other words.

TEST_F(AblateText, CellsWithOtherVocabulariesHaveTablesOfTheirOwn) {
  write("train.tsv", read("train.tsv") + "a b x\tA B X\n");
  const Ran ran = run(text_words({"--vary", "min-count=1,2"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("judged on 20 test sequences, 6 target words"));
  EXPECT_THAT(ran.out, HasSubstr("judged on 20 test sequences, 5 target words"));
}

// config.cfg may be gone; the result knows what it is of.

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

// A model without room for the long lines is judged on the short ones alone, which are easier.

TEST_F(AblateText, CellsThatLeaveOutOtherSequencesStandInTablesOfTheirOwn) {
  write("test.tsv", pairs(5, 3) + "a b c d e a b c d e\tA B C D E A B C D E\n");
  const Ran ran = run(text_words({"--vary", "max-positions=6,20", "--max-length", "4", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("max-positions=6: 1 of 6 test sequences needs more than the model's 6 positions; it "
                                 "counts as wrong and is no part of a loss"));
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
