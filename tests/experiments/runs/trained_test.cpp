// What comes after training, through the program: eval, predict, inspect, summary.

#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

// The words of a text run that takes a moment.
std::vector<std::string> tiny_text(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words{"train", "--d-model", "8", "--heads", "2", "--d-ff", "8", "--layers",
                                 "1",     "--batch",   "4", "--steps", "6", "--out",  out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST_F(Runs, EvalGivesTheKeysThatScriptsReadAndExamples) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const nlohmann::json result = run({"eval", path("run"), "--json", "--examples", "3"}).json();
  for (const char* key : {"loss", "perplexity", "token_accuracy", "exact_match", "sequences"}) {
    EXPECT_TRUE(result[key].is_number()) << key;
  }
  EXPECT_EQ(result["sequences"], 20);
  EXPECT_EQ(result["examples"].size(), 3U);
  EXPECT_EQ(run({"eval", path("run/checkpoint.h5"), "--split", "validation", "--json"}).json()["sequences"], 10);
  EXPECT_THAT(run({"eval", path("run"), "--examples", "2"}).out, HasSubstr("→"));
  EXPECT_EQ(run({"eval", path("nowhere")}).status, 2);
  EXPECT_EQ(run({"eval"}).status, 2);
}

// With every word unknown, saying "unknown" must not count as right.
TEST_F(Runs, EvalSaysWhatItCountsAndShowsUnknownWordsAsTheyWereTyped) {
  const std::string train = write("train.tsv", "a b\tA B\nb a\tB A\n");
  const std::string test = write("test.tsv", "a zz\tA Zz\na b\tA B\n");
  ASSERT_EQ(run(tiny_text(path("run"), {"--train", train, "--test", test, "--min-count", "100"})).status, 0);
  const Ran all_unknown = run({"eval", path("run"), "--json"});
  EXPECT_EQ(all_unknown.json()["exact_match"], 0);
  EXPECT_EQ(all_unknown.json()["token_accuracy_without_end"], 0);
  EXPECT_EQ(all_unknown.json()["unknown_share"], 1);
  EXPECT_EQ(all_unknown.json()["unknown_tokens"], 4);
  EXPECT_EQ(all_unknown.json()["tokens"], 6);

  ASSERT_EQ(run(tiny_text(path("known"), {"--train", train, "--test", test})).status, 0);
  const Ran ran = run({"eval", path("known"), "--examples", "2"});
  EXPECT_THAT(ran.out, HasSubstr("a zz\n"));
  EXPECT_THAT(ran.out, HasSubstr("expected A Zz\n"));
  EXPECT_THAT(ran.out, HasSubstr("25.0% of the words"));
  EXPECT_THAT(ran.out, HasSubstr("without end tokens"));
}

TEST_F(Runs, TestLinesTooLongForTheModelAreNamedAndCountAsWrongOrAreSkipped) {
  const std::string train = write("train.tsv", "a b\tA B\nb a\tB A\n");
  ASSERT_EQ(run(tiny_text(path("run"), {"--train", train})).status, 0);
  const std::string test = write("long.tsv", "a b\tA B\na b a b a b\tA B\nb\tB\n");
  const Ran wrong = run({"eval", path("run"), "--test", test, "--json", "--examples", "3"});
  ASSERT_EQ(wrong.status, 0) << wrong.err;
  EXPECT_THAT(wrong.err, HasSubstr("long.tsv:2"));
  EXPECT_THAT(wrong.err, HasSubstr("1 of 3 sequences needs more than the model's 3 positions and counts as wrong "
                                   "(--too-long skip leaves it out)"));
  EXPECT_EQ(wrong.json()["sequences"], 3);
  EXPECT_EQ(wrong.json()["too_long"], 1);
  EXPECT_TRUE(wrong.json()["examples"][1]["prediction"].is_null());
  const Ran skipped = run({"eval", path("run"), "--test", test, "--json", "--too-long", "skip"});
  EXPECT_EQ(skipped.json()["sequences"], 2);
  EXPECT_EQ(skipped.json()["loss"], wrong.json()["loss"]);
  EXPECT_THAT(skipped.err, HasSubstr("is left out"));
}

// One line of 300 words among the validation pairs.
TEST_F(Runs, ALongValidationLineMakesNothingLargerAndIsTold) {
  const std::string pairs = "a b\tA B\nb a\tB A\n";
  const std::string train = write("train.tsv", pairs);
  std::string line = "a";
  for (int i = 1; i < 300; ++i) line += " a";
  const std::string valid = write("valid.tsv", pairs + line + "\tA\n");
  const Ran ran = run(tiny_text(path("run"), {"--train", train, "--valid", valid, "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err,
              HasSubstr("1 of 3 validation sequences needs more than the model's 3 positions, and counts as wrong"));
  EXPECT_THAT(ran.err, HasSubstr("valid.tsv:3"));
  EXPECT_THAT(read("run/config.cfg"), HasSubstr("max-positions = 3\n"));
  EXPECT_EQ(ran.json()["validation"]["too_long"], 1);
  EXPECT_EQ(ran.json()["validation"]["sequences"], 3);
}

TEST_F(Runs, PredictNamesWordsThatItDoesNotKnow) {
  const std::string train = write("train.tsv", "a b\tA B\nb a\tB A\n");
  ASSERT_EQ(run(tiny_text(path("run"), {"--train", train})).status, 0);
  const Ran ran = run({"predict", path("run")}, "a b\na seven\nMillion\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 3);
  EXPECT_THAT(ran.err, HasSubstr("standard input:2: the model does not know \"seven\"\n"));
  EXPECT_THAT(ran.err, HasSubstr("standard input:3: the model does not know \"Million\"\n"));
  std::string many;
  for (int i = 0; i < 30; ++i) many += "new" + std::to_string(i) + "\n";
  const Ran more = run({"predict", path("run")}, many);
  EXPECT_EQ(std::ranges::count(more.err, '\n'), 11) << more.err;
  EXPECT_THAT(more.err, HasSubstr("30 lines in all"));
}

TEST_F(Runs, PredictAnswersEachLineWithOneAndReportsBadOnes) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const Ran good = run({"predict", path("run")}, "1 2 3\n\n4 5\n");
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(std::ranges::count(good.out, '\n'), 3);
  const Ran bad = run({"predict", path("run")}, "1 2\n1 x\n1 1 1 1 1 1 1 1\n\xff\n");
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(std::ranges::count(bad.out, '\n'), 4) << "one line out for each line in";
  EXPECT_THAT(bad.err, HasSubstr("standard input:2: \"x\" is no symbol that the model knows"));
  EXPECT_THAT(bad.err, HasSubstr("standard input:3: 8 tokens need 9 positions, but the model has 6"));
  EXPECT_THAT(bad.err, HasSubstr("standard input:4: not valid UTF-8"));
}

TEST_F(Runs, InspectShowsMapsWhoseRowsSumToOne) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const Ran ran = run({"inspect", path("run"), "--input", "1 2 3", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const nlohmann::json result = ran.json();
  EXPECT_EQ(result["layer"], "decoder.layers.0.cross_attention");
  EXPECT_EQ(result["keys"], nlohmann::json::parse(R"(["1", "2", "3", "</s>"])"));
  EXPECT_EQ(result["heads"].size(), 2U);
  for (const auto& head : result["heads"]) {
    ASSERT_EQ(head["weights"].size(), result["queries"].size());
    for (const auto& row : head["weights"]) {
      double sum = 0;
      for (const auto& weight : row) sum += weight.get<double>();
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
  EXPECT_THAT(run({"inspect", path("run"), "--input", "1 2", "--layer", "encoder.layers.0.self"}).err,
              HasSubstr("did you mean encoder.layers.0.self_attention?"));
  EXPECT_EQ(run({"inspect", path("run"), "--input", "1 2", "--head", "2"}).status, 2);
}

TEST_F(Runs, ADecoderAloneGoesTheWholeWayToo) {
  ASSERT_EQ(run(tiny_train(path("run"), {"--model", "decoder", "--precision", "double"})).status, 0);
  EXPECT_EQ(run({"eval", path("run"), "--json"}).json()["sequences"], 20);
  EXPECT_EQ(run({"predict", path("run")}, "1 2 3\n").status, 0);
  EXPECT_EQ(run({"inspect", path("run"), "--input", "1 2 3"}).status, 0);
}

TEST_F(Runs, TextIsTrainedEvaluatedAndTranslated) {
  std::string pairs;
  for (int i = 0; i < 12; ++i) pairs += "good day " + std::to_string(i) + ".\tдобър ден " + std::to_string(i) + ".\n";
  const std::string train = write("train.tsv", pairs);
  const Ran ran = run({"train",     "--train", train,     "--valid", train,    "--test", train,
                       "--d-model", "8",       "--heads", "2",       "--d-ff", "8",      "--layers",
                       "1",         "--batch", "4",       "--steps", "6",      "--out",  path("run")});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("12 training pairs; 15 source words, 15 target words"));
  EXPECT_EQ(run({"eval", path("run"), "--json"}).json()["sequences"], 12);
  EXPECT_EQ(run({"predict", path("run")}, "good night.\n").status, 0) << "unknown words are words";

  std::filesystem::rename(train, path("moved.tsv"));
  EXPECT_EQ(run({"eval", path("run")}).status, 2);
  const std::string moved = path("moved.tsv");
  EXPECT_EQ(run({"eval", path("run"), "--train", moved, "--valid", moved, "--test", moved}).status, 0);
  const std::string other = write("other.tsv", "one\ttwo\n");
  const Ran unknown = run({"eval", path("run"), "--train", other, "--valid", other, "--test", other, "--json"});
  EXPECT_EQ(unknown.status, 0) << "the words are the checkpoint's";
  EXPECT_EQ(unknown.json()["sequences"], 1);
}

// Held-out pairs are read with the checkpoint's words: the training file is not needed.
TEST_F(Runs, EvaluationDoesNotDependOnTheTrainingFile) {
  const std::string train = write("train.tsv", "a b\tA B\nb c\tB C\na c\tA C\n");
  const std::string test = write("test.tsv", "a b\tA B\nc b\tC B\n");
  ASSERT_EQ(run({"train", "--train", train, "--test", test, "--d-model", "8", "--heads", "2", "--d-ff", "8", "--layers",
                 "1", "--batch", "4", "--steps", "6", "--out", path("run")})
                .status,
            0);
  const auto loss = [&](const Ran& ran) { return ran.json()["loss"].get<double>(); };
  const double before = loss(run({"eval", path("run"), "--json"}));
  write("train.tsv", "a b\tA B\nb c\tB C\na c\tA C\nmore c\tMORE C\n");
  const Ran grown = run({"eval", path("run"), "--json"});
  ASSERT_EQ(grown.status, 0) << grown.err;
  EXPECT_EQ(loss(grown), before);
  EXPECT_THAT(run({"train", "--resume", "--out", path("run"), "--steps", "8"}).err,
              HasSubstr("was trained on other data"));
  std::filesystem::remove(train);
  const Ran gone = run({"eval", path("run"), "--json"});
  ASSERT_EQ(gone.status, 0) << gone.err;
  EXPECT_EQ(loss(gone), before);
  EXPECT_THAT(gone.err, HasSubstr("whether held-out pairs stand in it is not known"));
  const Ran check = run({"gradcheck", "--checkpoint", path("run")});
  EXPECT_EQ(check.status, 2) << "its next training step needs the file";
  std::filesystem::remove(test);
  EXPECT_EQ(run({"eval", path("run")}).status, 2);
}

TEST_F(Runs, SummaryCountsWhatTheModelHas) {
  const Ran preset = run({"summary", "copy", "--json"});
  ASSERT_EQ(preset.status, 0) << preset.err;
  std::int64_t sum = 0;
  const nlohmann::json summary = preset.json();
  for (const auto& module : summary["modules"]) {
    sum += module["shape"][0].get<std::int64_t>() * module["shape"][1].get<std::int64_t>();
  }
  EXPECT_EQ(summary["parameters"], sum);
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  EXPECT_THAT(run({"summary", path("run")}).out, HasSubstr("cross_attention"));
  EXPECT_THAT(run({"summary", path("run"), "--heads", "2"}).err, HasSubstr("is trained already"));
}

TEST_F(Runs, ASummaryShowsWholeNamesInNarrowLines) {
  const std::string text = run({"summary", "copy"}, {}, 40).out;
  EXPECT_THAT(text, testing::Not(HasSubstr("…")));
  EXPECT_THAT(text, HasSubstr("      cross_attention_norm  "));
  EXPECT_THAT(text, HasSubstr("(left out to fit 40 columns: operations,"));
  EXPECT_THAT(run({"summary", "copy"}, {}, 80).out, HasSubstr("(64, 64)"));
}

}  // namespace
}  // namespace tapehead
