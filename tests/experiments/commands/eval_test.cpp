#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class Eval : public InFolder {};

TEST_F(Eval, SaysHeadlineAndSlicesAndMeasuresOutputsWhereAsked) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const nlohmann::json plain = run({"eval", path("run"), "--json"}).json();
  EXPECT_EQ(plain["headline"], "exact_match");
  EXPECT_FALSE(plain.contains("edit_distance"));
  const nlohmann::json lengths = plain["slices"]["length"];
  ASSERT_EQ(lengths.size(), 4U);
  std::int64_t sequences = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    EXPECT_EQ(lengths[i]["first"], i + 2);
    EXPECT_EQ(lengths[i]["last"], i + 2);
    EXPECT_TRUE(lengths[i]["exact_match"].is_number());
    EXPECT_FALSE(lengths[i].contains("loss"));
    sequences += lengths[i]["sequences"].get<std::int64_t>();
  }
  EXPECT_EQ(sequences, plain["sequences"]);

  const nlohmann::json decoded = run({"eval", path("run"), "--decode", "--json"}).json();
  EXPECT_GT(decoded["edit_distance"], 0);
  EXPECT_LE(decoded["edit_distance"], 1);
  EXPECT_TRUE(decoded["slices"]["length"][0]["edit_distance"].is_number());
  EXPECT_EQ(decoded["loss"], plain["loss"]);
  const std::string text = run({"eval", path("run"), "--decode"}).out;
  EXPECT_THAT(text, HasSubstr("\nheadline       "));
  EXPECT_THAT(text, HasSubstr("\nedit distance  "));
  EXPECT_THAT(text, HasSubstr("length  sequences  exact match  token accuracy  edit distance\n"));
}

TEST_F(Eval, NamesTheMetricThatTheBestWeightsHave) {
  const std::vector<std::string> more{"--validate-every", "4", "--best-metric", "edit_distance", "--json"};
  const Ran ran = run(tiny_train(path("run"), more));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(read("run/config.cfg"), HasSubstr("best-metric = edit_distance\n"));
  EXPECT_THAT(lines_of(read("run/metrics.csv"))[0], testing::EndsWith(",valid_edit_distance"));
  EXPECT_TRUE(ran.json()["best"]["validation_edit_distance"].is_number());
  EXPECT_THAT(run({"eval", path("run")}).out, HasSubstr("which had the lowest validation edit distance; for"));
  EXPECT_EQ(
      run({"train", "--resume", "--out", path("run"), "--best-metric", "loss"}).err,
      "tapehead: --best-metric: the run was begun with edit_distance, not loss; resume without it, or train anew\n");
  EXPECT_EQ(run(tiny_train(path("other"), {"--best-metric", "exact_match"})).err,
            "tapehead: --best-metric: does nothing without --validate-every, which is 0 (default)\n");
  const Ran text = run(tiny_train(path("text"), {"--validate-every", "4", "--best-metric", "token_accuracy"}));
  EXPECT_THAT(text.out, testing::ContainsRegex("best weights +step [0-9]+, validation token accuracy 0\\."));
}

// Whatever else is shown: an output that does not end must not be cut where the longest target ends.
TEST_F(Eval, ShowsOfAnExampleWhatPredictWrites) {
  ASSERT_EQ(run(tiny_train(path("run"), {"--max-positions", "30"})).status, 0);
  const auto examples = [&](const char* count) {
    return run({"eval", path("run"), "--examples", count, "--json"}).json()["examples"];
  };
  const nlohmann::json all = examples("20");
  ASSERT_EQ(all.size(), 20U);
  std::string input;
  for (const auto& example : all) input += example["source"].get<std::string>() + "\n";
  const std::vector<std::string> written = lines_of(run({"predict", path("run")}, input).out);
  ASSERT_EQ(written.size(), 20U);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(all[i]["prediction"], written[i]) << i;
    longest = std::max(longest, written[i].size());
  }
  EXPECT_GT(longest, 2 * 6) << "no output is longer than the longest target and one more: nothing could be cut";
  EXPECT_EQ(examples("1")[0], all[0]);
}

// In short lines an explanation stands below its number; it is not cut.
TEST_F(Eval, ExplainsInShortLinesToo) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const std::string out = run({"eval", path("run"), "--decode"}, {}, 40).out;
  EXPECT_THAT(out, testing::Not(HasSubstr("…")));
  EXPECT_THAT(out, HasSubstr("\n    nats a token that the model knows\n"));
  EXPECT_THAT(out, HasSubstr("\n    of the sequences, written from the\n    source alone\n"));
}

}  // namespace
}  // namespace tapehead
