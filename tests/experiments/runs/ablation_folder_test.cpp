// What lies in the folder of an ablation: results that are taken, and those that are not.

#include <gmock/gmock.h>

#include "experiments/runs/folder_lock.hpp"
#include "tests/experiments/runs/ablation_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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

TEST_F(Ablate, AnotherBuildIsRefusedByName) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string result = path("grid/heads=2/seed=2/result.json");
  const std::string whole = read("grid/heads=2/seed=2/result.json");
  for (const auto& [field, message] : {std::pair{"program", "program tapehead 9"},
                                       {"blas_kernel", "BLAS kernel tapehead 9"},
                                       {"blas_library", "BLAS library tapehead 9"}}) {
    change_result(
        result, [name = field](auto& object) { object["made_with"][name] = "tapehead 9"; }, true);
    const Ran ran = run(words());
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("heads=2/seed=2: holds a run that cannot be compared: " + std::string(message)));
    write("grid/heads=2/seed=2/result.json", whole);
  }
  EXPECT_EQ(run(words()).status, 0);
}

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

// An earlier version wrote other options: nobody set them, and they are no reason to give.
TEST_F(Ablate, AFolderOfAnotherVersionIsRefusedAsSuchAlsoWithoutItsResult) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string cell = "grid/heads=1/seed=1";
  std::filesystem::remove(path(cell + "/result.json"));
  const std::string config = read(cell + "/config.cfg");
  for (const std::string& other : {"beta0 = 0.9\n" + config, config.substr(config.find('\n') + 1)}) {
    write(cell + "/config.cfg", other);
    const Ran ran = run(words());
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(cell + ": holds a run of another version of tapehead"));
  }
  write(cell + "/config.cfg", config);
  EXPECT_EQ(run(words()).status, 0);
}

TEST_F(Ablate, RunsAndSweepsDoNotShareAFolder) {
  ASSERT_EQ(run(tiny_train(path("run"))).status, 0);
  const Ran over_a_run = run(tiny_ablate(path("run"), {"--vary", "heads=1,2"}));
  EXPECT_EQ(over_a_run.status, 2);
  EXPECT_THAT(over_a_run.err, HasSubstr("\ntapehead: " + path("run") + ": holds a run; choose another --out\n"));
  ASSERT_EQ(run(words({"--seeds", "1"})).status, 0);
  EXPECT_EQ(run(tiny_train(path("grid"))).err,
            "tapehead: " + path("grid") + ": holds an ablation; choose another --out\n");
  EXPECT_EQ(run(words({"--seeds", "1"})).status, 0) << "an ablation goes on in its own";
}

// Its tables hold this grid alone: the other one's results would be gone from them.
TEST_F(Ablate, AFolderOfAnotherGridIsRefusedAndLeftAsItWas) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string runs = read("grid/runs.csv"), summary = read("grid/summary.csv");
  const auto refused = [&](const std::vector<std::string>& other, const std::string& what) {
    const Ran ran = run(other);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err,
                testing::EndsWith("\ntapehead: " + path("grid") + ": holds " + what + "; choose another --out\n"));
    EXPECT_EQ(read("grid/runs.csv"), runs);
    EXPECT_EQ(read("grid/summary.csv"), summary);
  };
  refused(tiny_ablate(path("grid"), {"--vary", "layers=1,2", "--seeds", "2"}),
          "4 runs of another grid, such as heads=1/seed=1");
  refused(words({"--seeds", "1"}), "2 runs of another grid, such as heads=1/seed=2");
  std::vector<std::string> wider = words({"--seeds", "3"});
  std::ranges::replace(wider, std::string("heads=1,2"), std::string("heads=1,2,4"));
  const Ran more = run(wider);
  EXPECT_EQ(more.status, 0) << more.err;
  EXPECT_EQ(lines_of(read("grid/runs.csv")).size(), 1U + 9);
}

TEST_F(Ablate, AnOptionIsEitherSetOrVaried) {
  const Ran ran = run({"ablate", "copy", "--heads", "2", "--vary", "heads=1,2", "--out", path("grid")});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "tapehead: --heads: is varied, too, by --vary heads=…; leave one of the two out\n");
}

}  // namespace
}  // namespace tapehead
