// Training through the program, on models small enough to take a moment: what it writes, resumes and refuses.

#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

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
  EXPECT_THAT(wrong.err, HasSubstr("tapehead: --stop-when: \"exact=1\" is no goal; did you mean exact_match? see"));
  EXPECT_LE(wrong.err.size(), 100U);
  EXPECT_THAT(run(tiny_train(path("wrong"), {"--validate-every", "5", "--stop-when", "loss"})).err,
              HasSubstr("tapehead: --stop-when: \"loss\" holds no finite number after =; write loss=0.5\n"));
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

TEST_F(Runs, AConfigurationFileThatSaysNothingIsNothingToTrain) {
  const std::string empty = write("empty.cfg", "# nothing\n\n");
  for (const std::string command : {"train", "ablate"}) {
    std::vector<std::string> words{command, "--config", empty, "--out", path("out")};
    if (command == "ablate") words.insert(words.end(), {"--vary", "heads=1,2"});
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.err, "tapehead: " + empty +
                           ": has no line `name = value`, and nothing else says what to train; add "
                           "--task, --train FILE, --text FILE, or lines such as task = copy\n");
  }
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  EXPECT_EQ(run(tiny_train(path("out"), {"--config", empty})).status, 0) << "--task says it";
}

TEST_F(Runs, AdamwWithoutDecayIsCalledAdam) {
  const std::string note = "optimizer adamw: without --weight-decay it is adam; 0.01 is usual\n";
  EXPECT_THAT(run(tiny_train(path("a"), {"--optimizer", "adamw"})).err, HasSubstr(note));
  for (const char* decay : {"0", "0.01"}) {
    EXPECT_THAT(run(tiny_train(path(std::string("b") + decay), {"--optimizer", "adamw", "--weight-decay", decay})).err,
                testing::Not(HasSubstr("adamw")));
  }
  EXPECT_EQ(run({"bench", "--seconds", "0.001", "--rounds", "1", "--d-model", "8", "--d-ff", "8", "--layers", "1"}).err,
            "");
}

TEST_F(Runs, AnImpossibleGoalIsRefused) {
  EXPECT_EQ(run(tiny_train(path("a"), {"--validate-every", "4", "--stop-when", "exact_match=2"})).err,
            "tapehead: --stop-when: exact_match is a share, which is at most 1, not 2\n");
  EXPECT_EQ(run(tiny_train(path("a"), {"--validate-every", "4", "--stop-when", "loss=-1"})).err,
            "tapehead: --stop-when: loss is never below 0, and -1 is no goal\n");
}

}  // namespace
}  // namespace tapehead
