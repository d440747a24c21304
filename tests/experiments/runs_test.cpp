// Training and what comes after it, through the program, on models small enough to take a moment.

#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

class Runs : public InFolder {};

TEST_F(Runs, TrainLeavesConfigMetricsAndCheckpoint) {
  const Ran ran = run(tiny_train(path("run"), {"--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.json()["step"], 12);
  EXPECT_EQ(ran.json()["interrupted"], false);
  EXPECT_TRUE(ran.json()["validation"].contains("exact_match"));
  EXPECT_TRUE(std::filesystem::exists(ran.json()["checkpoint"].get<std::string>()));
  EXPECT_THAT(read("run/config.cfg"), HasSubstr("max-positions = 6\n"));
  const std::string metrics = read("run/metrics.csv");
  EXPECT_EQ(std::ranges::count(metrics, '\n'), 4) << metrics;
}

TEST_F(Runs, TheWrittenConfigMakesTheSameRunAgain) {
  const Ran first = run(tiny_train(path("a"), {"--json", "--threads", "1"}));
  const Ran second = run({"train", "--config", path("a/config.cfg"), "--out", path("b"), "--json", "--threads", "2"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(first.json()["parameter_digest"], second.json()["parameter_digest"]);
  EXPECT_EQ(read("a/config.cfg"), read("b/config.cfg"));
}

TEST_F(Runs, ARunIsNotTrainedOver) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const std::string before = read("run/checkpoint.h5");
  const Ran again = run(tiny_train(path("run"), {"--seed", "2"}));
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("holds a run already"));
  EXPECT_EQ(read("run/checkpoint.h5"), before);
}

TEST_F(Runs, ResumedWithMoreStepsIsTheLongerRun) {
  const Ran whole = run(tiny_train(path("whole"), {"--json", "--steps", "20"}));
  ASSERT_EQ(run(tiny_train(path("parts"))).status, 0);
  const Ran rest = run({"train", "--resume", "--out", path("parts"), "--steps", "20", "--json"});
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(rest.json()["parameter_digest"], whole.json()["parameter_digest"]);
  EXPECT_EQ(read("parts/config.cfg"), read("whole/config.cfg"));
}

TEST_F(Runs, ResumeRefusesOtherOptionsFewerStepsAndEmptyFolders) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  EXPECT_THAT(run({"train", "--resume", "--out", path("run"), "--heads", "4"}).err,
              HasSubstr("--heads: the run was begun with 2, not 4"));
  EXPECT_THAT(run({"train", "--resume", "--out", path("run"), "--steps", "5"}).err,
              HasSubstr("--steps: the run has done 12 steps already, more than 5"));
  EXPECT_EQ(run({"train", "--resume", "--out", path("none")}).status, 2);
}

TEST_F(Runs, ResumeRefusesOptionsThatTheTaskHasNoUseFor) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const std::string pairs = write("pairs.tsv", "one\ttwo\n");
  for (const std::string option : {"--train", "--valid", "--test"}) {
    const Ran ran = run({"train", "--resume", "--out", path("run"), "--steps", "14", option, pairs});
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(option + ": does not apply to task copy"));
  }
}

TEST_F(Runs, ResumingOnOtherDataLeavesTheRunAsItWas) {
  const std::string train = write("train.tsv", "one two\tthree four\nfive six\tseven eight\n");
  const std::string other = write("other.tsv", "five two\tseven four\none six\tthree eight\n");
  ASSERT_EQ(run({"train", "--train", train, "--d-model", "8", "--heads", "2", "--d-ff", "8", "--layers", "1", "--batch",
                 "2", "--steps", "3", "--out", path("run")})
                .status,
            0);
  const std::string config = read("run/config.cfg");
  const std::string metrics = read("run/metrics.csv");
  const Ran ran = run({"train", "--resume", "--train", other, "--steps", "5", "--out", path("run")});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("was trained on other data"));
  EXPECT_EQ(read("run/config.cfg"), config);
  EXPECT_EQ(read("run/metrics.csv"), metrics);
}

// As people give them: --max-length, not max_length.
TEST_F(Runs, RefusalsSpellOptionsAsTheyAreGiven) {
  EXPECT_THAT(run(tiny_train(path("run"), {"--min-length", "7"})).err, HasSubstr("min-length 7 and max-length 5"));
  EXPECT_THAT(run(tiny_train(path("run"), {"--test-size", "9999"})).err,
              HasSubstr("a smaller validation-size and test-size"));
  const std::string pairs = write("pairs.tsv", "one two\tthree four\n");
  EXPECT_THAT(run({"train", "--train", pairs, "--max-length", "1", "--out", path("run")}).err,
              HasSubstr("raise max-length"));
}

TEST_F(Runs, NothingIsWrittenForARunThatCannotBe) {
  EXPECT_EQ(run(tiny_train(path("run"), {"--d-head", "0", "--scale", "0"})).status, 2);
  EXPECT_EQ(run({"train", "copy", "--symbols", "1", "--out", path("run")}).status, 2);
  EXPECT_EQ(run({"train", "copy", "--heads", "3", "--out", path("run")}).status, 2);
  EXPECT_EQ(run({"train", "--out", path("run")}).status, 2) << "nothing says what to train";
  EXPECT_FALSE(std::filesystem::exists(path("run")));
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

// The words of a text run that takes a moment.
std::vector<std::string> tiny_text(const std::string& out, const std::vector<std::string>& more) {
  std::vector<std::string> words{"train", "--d-model", "8", "--heads", "2", "--d-ff", "8", "--layers",
                                 "1",     "--batch",   "4", "--steps", "6", "--out",  out};
  words.insert(words.end(), more.begin(), more.end());
  return words;
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
  EXPECT_THAT(wrong.err, HasSubstr("1 of 3 sequences need more than the model's 3 positions and count as wrong"));
  EXPECT_EQ(wrong.json()["sequences"], 3);
  EXPECT_EQ(wrong.json()["too_long"], 1);
  EXPECT_TRUE(wrong.json()["examples"][1]["prediction"].is_null());
  const Ran skipped = run({"eval", path("run"), "--test", test, "--json", "--too-long", "skip"});
  EXPECT_EQ(skipped.json()["sequences"], 2);
  EXPECT_EQ(skipped.json()["loss"], wrong.json()["loss"]);
  EXPECT_THAT(skipped.err, HasSubstr("are left out"));
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
  EXPECT_THAT(ran.err, HasSubstr("1 of 3 validation sequences need more than the model's 3 positions"));
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

TEST_F(Runs, TrainingStartsFromTheWeightsOfAnotherRun) {
  ASSERT_EQ(run(tiny_train(path("first"))).status, 0);
  const std::string digest =
      run(tiny_train(path("same"), {"--init", path("first"), "--steps", "0", "--json"})).json()["parameter_digest"];
  EXPECT_EQ(run({"train", "--resume", "--out", path("first"), "--json"}).json()["parameter_digest"], digest);
  EXPECT_THAT(read("same/config.cfg"), HasSubstr("init = " + path("first") + "\n"));
  const std::string checkpoint = path("first/checkpoint.h5");
  const Ran on = run(tiny_train(path("on"), {"--init", checkpoint, "--steps", "4", "--optimizer", "sgd", "--json"}));
  ASSERT_EQ(on.status, 0) << on.err;
  EXPECT_NE(on.json()["parameter_digest"], digest);

  // A run that is resumed has its own weights: those it started from may be gone.
  std::filesystem::remove_all(path("first"));
  EXPECT_EQ(run({"train", "--resume", "--out", path("on"), "--steps", "8"}).status, 0);
  EXPECT_THAT(run({"train", "--resume", "--out", path("on"), "--init", path("other")}).err,
              HasSubstr("--init: the run was"));
}

TEST_F(Runs, WeightsThatDoNotFitAreRefusedBeforeAnythingIsWritten) {
  ASSERT_EQ(run(tiny_train(path("first"))).status, 0);
  const auto refused = [&](const std::vector<std::string>& options, const std::string& message) {
    std::vector<std::string> all{"--init", path("first")};
    all.insert(all.end(), options.begin(), options.end());
    const Ran ran = run(tiny_train(path("second"), all));
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_FALSE(std::filesystem::exists(path("second")));
  };
  refused({"--d-model", "12"}, "the shape differs of /parameters/");
  refused({"--symbols", "7"}, "knows other words than the data");
  refused({"--precision", "double"}, "of another precision");
  std::filesystem::remove(path("first/checkpoint.h5"));
  refused({}, "cannot be opened");
}

TEST_F(Runs, AGoalEndsARunAndIsCheckedBeforeIt) {
  const std::vector<std::string> more{"--steps", "4000", "--validate-every", "5", "--stop-when", "loss=1e6", "--json"};
  const Ran ran = run(tiny_train(path("run"), more));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.json()["step"], 5);
  EXPECT_EQ(ran.json()["stopped_early"], true);
  EXPECT_THAT(run({"train", "--resume", "--out", path("run")}).err, HasSubstr("to go on, give another --stop-when"));
  const Ran wrong = run(tiny_train(path("wrong"), {"--validate-every", "5", "--stop-when", "exact=1"}));
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err,
              HasSubstr("stop-when: \"exact=1\" begins with no metric that can be reached; write one of loss,"));
  EXPECT_FALSE(std::filesystem::exists(path("wrong")));
}

TEST_F(Runs, TheBestAndAnEarlyStopAreReported) {
  const Ran ran = run(tiny_train(
      path("run"), {"--steps", "4000", "--validate-every", "5", "--early-stop", "2", "--lr", "0.3", "--json"}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.json()["stopped_early"], true);
  EXPECT_LT(ran.json()["step"], 4000);
  EXPECT_EQ(run({"eval", path("run/best.h5")}).status, 0);
  const Ran again = run({"train", "--resume", "--out", path("run"), "--json"});
  EXPECT_EQ(again.json()["step"], ran.json()["step"]);
  EXPECT_EQ(again.json()["parameter_digest"], ran.json()["parameter_digest"]);
}

TEST_F(Runs, StepsThatAreNotFiniteStopTheRunOrAreLeftOut) {
  const std::vector<std::string> wild{"--lr", "1e9", "--optimizer", "sgd", "--steps", "40", "--checkpoint-every", "1"};
  const Ran stopped = run(tiny_train(path("run"), wild));
  EXPECT_EQ(stopped.status, 2);
  EXPECT_THAT(stopped.err, testing::AllOf(HasSubstr("training: step "), HasSubstr("is the first to make one"),
                                          HasSubstr(" of the batch"), HasSubstr("stays")));
  EXPECT_EQ(run({"eval", path("run")}).status, 0) << "the last good checkpoint";
  const Ran resumed = run({"train", "--resume", "--out", path("run"), "--skip-nonfinite", "40", "--json"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_GT(resumed.json()["skipped_steps"], 0);
  EXPECT_THAT(resumed.err, HasSubstr(" is left out: training: step "));
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

TEST_F(Runs, AFinishedRunSaysWhetherMoreStepsCanBeHad) {
  ASSERT_EQ(run(tiny_train(path("plain"))).status, 0);
  EXPECT_THAT(run({"train", "--resume", "--out", path("plain")}).err, testing::HasSubstr("to go on, raise --steps"));
  EXPECT_EQ(run({"train", "--resume", "--out", path("plain"), "--steps", "14"}).status, 0);
  ASSERT_EQ(run(tiny_train(path("cosine"), {"--schedule", "cosine"})).status, 0);
  const Ran done = run({"train", "--resume", "--out", path("cosine")});
  EXPECT_THAT(done.err, testing::HasSubstr("schedule cosine ends there"));
  EXPECT_EQ(done.err.find("raise --steps"), std::string::npos);
}

TEST_F(Runs, AnEmptyNameIsCalledEmpty) {
  EXPECT_THAT(run(tiny_train("")).err, testing::HasSubstr("--out: is empty"));
  EXPECT_THAT(run(tiny_train(path("run"), {"--train", ""})).err, testing::HasSubstr("--train: is empty"));
}

// Earlier versions wrote every option of the table, also those that did nothing.
TEST_F(Runs, TheConfigOfAnEarlierVersionMakesTheRunAgain) {
  ASSERT_EQ(run(tiny_train(path("old"), {"--optimizer", "sgd"})).status, 0);
  write("old/config.cfg", read("old/config.cfg") + "beta1 = 0.5\nplateau-factor = 0.25\n");
  const Ran again = run({"train", "--config", path("old/config.cfg"), "--out", path("new"), "--json"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.json()["parameter_digest"],
            run(tiny_train(path("same"), {"--optimizer", "sgd", "--json"})).json()["parameter_digest"]);
  write("my.cfg", read("old/config.cfg"));
  const Ran own = run({"train", "--config", path("my.cfg"), "--out", path("mine")});
  EXPECT_THAT(own.err, HasSubstr("plateau-factor: does not apply to schedule constant")) << "somebody asked for it";
}

TEST_F(Runs, ThreeFilesAreTooMany) {
  for (const char* name : {"a", "b", "c"}) write(name, "x\ty\n");
  const std::string three = path("a") + "," + path("b") + "," + path("c");
  EXPECT_EQ(run({"train", "--train", three, "--out", path("out")}).err,
            "tapehead: --train: " + three +
                " is no file, and names more than two; pairs are in one tab-separated file, or in two parallel files "
                "A,B\n");
  const std::string commas = write("a,b,c", "x\ty\nz\tw\n");
  EXPECT_EQ(run({"train", "--train", commas, "--d-model", "8", "--d-ff", "8", "--layers", "1", "--batch", "2",
                 "--steps", "1", "--out", path("out")})
                .status,
            0)
      << "a file may be called so";
}

TEST_F(Runs, ASummaryShowsWholeNamesInNarrowLines) {
  const std::string text = run({"summary", "copy"}, {}, 40).out;
  EXPECT_THAT(text, testing::Not(HasSubstr("…")));
  EXPECT_THAT(text, HasSubstr("      cross_attention_norm  "));
  EXPECT_THAT(text, HasSubstr("(left out to fit 40 columns: shape)"));
  EXPECT_THAT(run({"summary", "copy"}, {}, 80).out, HasSubstr("(64, 64)"));
}

}  // namespace
}  // namespace tapehead
