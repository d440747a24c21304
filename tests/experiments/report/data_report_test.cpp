// What every command says about the text that it reads.

#include "experiments/report/data_report.hpp"

#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"

namespace tapehead {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Data : public InFolder {
 protected:
  std::vector<std::string> train_words(const std::string& train, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"train", "--train", train, "--d-model", "8",        "--heads",
                                   "2",     "--d-ff",  "8",   "--layers",  "1",        "--batch",
                                   "4",     "--steps", "2",   "--out",     path("run")};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  const std::string good_ = write("good.tsv", "a b\tA B\nb a\tB A\na\tA\nb b\tB B\n");
  const std::string bad_ = write("bad.tsv", "a b\tA B\nc d\n\te\nf\tF\n");
};

TEST_F(Data, EveryCommandThatReadsPairsNamesTheLinesThatAreNone) {
  const auto told = AllOf(HasSubstr("skipped 2 of 4 lines, which are not pairs: 1 without a tab ("),
                          HasSubstr("bad.tsv:2"), HasSubstr("1 without a source ("), HasSubstr("bad.tsv:3"));
  ASSERT_EQ(run(train_words(good_)).status, 0);
  EXPECT_THAT(run({"eval", path("run"), "--test", bad_}).err, told);
  EXPECT_THAT(run({"summary", "--train", bad_}).err, told);
  std::vector<std::string> ablate = train_words(good_, {"--test", bad_, "--vary", "dropout=0,0.1", "--seeds", "1"});
  ablate[0] = "ablate";
  std::ranges::replace(ablate, path("run"), path("grid"));
  const Ran ablated = run(ablate);
  EXPECT_THAT(ablated.err, told);
  EXPECT_EQ(ablated.err.find("skipped"), ablated.err.rfind("skipped")) << "once, not for each cell";
  std::vector<std::string> words = train_words(bad_);
  words.back() = path("on_bad");
  EXPECT_THAT(run(words).err, told);
  EXPECT_THAT(run({"gradcheck", "--checkpoint", path("on_bad"), "--sharpness", "--allow-inconclusive"}).err, told);
}

TEST_F(Data, EvalShowsWhatWasSkippedAndWhatWasSeenInTraining) {
  ASSERT_EQ(run(train_words(good_)).status, 0);
  const Ran json = run({"eval", path("run"), "--test", bad_, "--json"});
  EXPECT_EQ(json.json()["skipped_lines"], 2);
  EXPECT_EQ(json.json()["seen_in_training"], 1);
  const Ran shown = run({"eval", path("run"), "--test", bad_});
  EXPECT_THAT(shown.out, AllOf(testing::ContainsRegex("seen in training +1 of 2"),
                               testing::ContainsRegex("skipped lines +2 of 4")));
  EXPECT_THAT(shown.err, AllOf(HasSubstr("bad.tsv: in the training data too: 1 of 2 pairs")));
}

TEST_F(Data, AblationsShowWhatWasSeenInTraining) {
  std::vector<std::string> words = train_words(good_, {"--test", bad_, "--vary", "dropout=0,0.1", "--seeds", "1"});
  words[0] = "ablate";
  const Ran shown = run(words);
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("seen in training\n"));
  words.push_back("--json");
  const nlohmann::json cells = run(words).json()["cells"];
  ASSERT_EQ(cells.size(), 2U);
  for (const auto& cell : cells) EXPECT_EQ(cell["seen_in_training"], 1);
  const Ran made = run({"eval", path("made"), "--json"});
  EXPECT_EQ(made.status, 2);
}

TEST_F(Data, MadeDataHaveNothingToTell) {
  ASSERT_EQ(run(tiny_train(path("made"))).status, 0);
  const Ran made = run({"eval", path("made"), "--json"});
  EXPECT_EQ(made.json()["seen_in_training"], 0);
  EXPECT_EQ(made.err, "");
}

TEST_F(Data, ColumnsAreNamedByAnOptionAndKept) {
  const std::string ids = write("ids.tsv", "1\tHello\t7\tZdr\n2\tBye\t8\tDov\n");
  const Ran refused = run(train_words(ids));
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--columns 2,4"));
  ASSERT_EQ(run(train_words(ids, {"--columns", "2,4"})).status, 0);
  EXPECT_THAT(read("run/config.cfg"), HasSubstr("columns = 2,4\n"));
  EXPECT_EQ(run({"eval", path("run"), "--test", ids, "--json"}).json()["sequences"], 2) << "as it was trained";
  const std::string turned = write("turned.tsv", "Zdr\tHello\n");
  const Ran other = run({"eval", path("run"), "--test", turned, "--columns", "5"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("--columns: \"5\" is not two columns"));
  EXPECT_THAT(run({"train", "--train", ids, "--columns", "1,x", "--out", path("no")}).err,
              HasSubstr("--columns: \"1,x\" is a number and a name"));
  EXPECT_THAT(run({"train", "copy", "--columns", "1,2", "--out", path("no")}).err, HasSubstr("--columns"));
}

TEST_F(Data, TitlesAboveColumnsThatWereChosenByNumberAreTold) {
  const std::string lines = "1\ta b\tA B\n2\tb a\tB A\n3\ta\tA\n";
  const auto told = [&](const std::string& file, const std::string& columns) {
    const Ran ran = run({"summary", "--train", file, "--columns", columns});
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.err;
  };
  const std::string titled = write("titled.tsv", "id\tenglish\tbulgarian\n" + lines);
  EXPECT_THAT(told(titled, "2,3"), HasSubstr("titled.tsv: line 1 seems to be titles, and is read as a pair; --columns "
                                             "english,bulgarian would leave it out"));
  EXPECT_THAT(told(titled, "english,bulgarian"), Not(HasSubstr("titles")));
  EXPECT_THAT(told(write("untitled.tsv", lines), "2,3"), Not(HasSubstr("titles")));
}

TEST_F(Data, RemarksInAThirdColumnAreNotReadAndThatIsSaid) {
  const Ran ran = run(train_words(write("three.tsv", "Hi\tHallo\tby A\nBye\tTschau\tby B\n")));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("third column not read in 2 of 2 pairs"), HasSubstr("--columns")));
}

TEST_F(Data, UndividedNumbersGetAWarningWithTheShareAndTheRemedy) {
  std::string train;
  std::string valid;
  for (int i = 0; i < 40; ++i) {
    (i % 4 == 0 ? valid : train) += "say " + std::to_string(i % 7) + "\t" + std::to_string(50000 + 97 * i) + "\n";
  }
  write("train.tsv", train);
  write("valid.tsv", valid);
  const Ran ran = run(train_words(path("train.tsv"), {"--valid", path("valid.tsv")}));
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("train.tsv: 100.0% of the target words occur only once"),
                             HasSubstr("valid.tsv: 100.0% of the target words are unknown"),
                             HasSubstr("--tokenizer char"), Not(HasSubstr("of the source words"))));
  EXPECT_THAT(run({"eval", path("run"), "--split", "validation"}).err,
              HasSubstr("100.0% of the target words are unknown"));
}

TEST_F(Data, WordsThatAnOptionMadeUnknownAreBlamedOnIt) {
  const Ran ran = run(train_words(good_, {"--min-count", "100000"}));
  EXPECT_THAT(ran.err, HasSubstr("100.0% of the source words are unknown; lower --min-count"));
}

TEST_F(Data, AModelOfCharactersReadsAndWritesCharacters) {
  const std::string train = write("train.tsv", "10 4\t104\n7 7\t77\n40 1\t401\n");
  const Ran trained = run(train_words(train, {"--tokenizer", "char", "--valid", train}));
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("3 training pairs; 5 source characters, 4 target characters"));
  EXPECT_THAT(read("run/config.cfg"), AllOf(HasSubstr("tokenizer = char\n"), HasSubstr("max-length = 250\n")));
  const nlohmann::json maps = run({"inspect", path("run"), "--input", "7 10", "--json"}).json();
  EXPECT_THAT(maps["source"].get<std::vector<std::string>>(), testing::ElementsAre("7", " ", "1", "0"));
  EXPECT_THAT(run({"inspect", path("run"), "--input", "7 10"}).out, HasSubstr("7 ␣ 1 0\n"));
  const Ran answered = run({"predict", path("run")}, "7 10\n");
  EXPECT_EQ(answered.status, 0);
  EXPECT_EQ(answered.out.find(' '), std::string::npos) << "digits are joined: " << answered.out;
  EXPECT_EQ(run({"eval", path("run"), "--split", "validation", "--json"}).json()["tokens"], 3 + 2 + 3 + 3);
}

TEST_F(Data, AModelOfCharactersResumesToTheSameBits) {
  const auto words = [&](const std::string& out, const std::string& steps) {
    return std::vector<std::string>{"train",   "--train", good_,    "--tokenizer", "char",     "--d-model", "8",
                                    "--heads", "2",       "--d-ff", "8",           "--layers", "1",         "--batch",
                                    "3",       "--steps", steps,    "--out",       out,        "--json"};
  };
  ASSERT_EQ(run(words(path("parts"), "3")).status, 0);
  const Ran rest = run({"train", "--resume", "--out", path("parts"), "--steps", "7", "--json"});
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_EQ(rest.json()["parameter_digest"], run(words(path("whole"), "7")).json()["parameter_digest"]);
  EXPECT_THAT(run({"train", "--resume", "--out", path("parts"), "--tokenizer", "word"}).err,
              HasSubstr("--tokenizer: the run was begun with char, not word"));
}

TEST_F(Data, AWordIsOneWordHoweverItsAccentsWereTyped) {
  const std::string train = write("train.tsv", "caf\u00e9\tx\ncafe\u0301\tx\n");
  EXPECT_THAT(run(train_words(train)).err, HasSubstr("2 training pairs; 1 source word, 1 target word"));
  const auto source_of = [&](const std::string& line) {
    return run({"inspect", path("run"), "--input", line, "--json"}).json()["source"];
  };
  EXPECT_EQ(source_of("cafe\u0301"), source_of("caf\u00e9"));
  EXPECT_EQ(source_of("cafe\u0301")[0], "caf\u00e9");
  EXPECT_EQ(run({"predict", path("run")}, "cafe\u0301\n").out, run({"predict", path("run")}, "caf\u00e9\n").out);
}

TEST_F(Data, NamesOfFilesActOnNoTerminal) {
  const std::string train = write("a\x1b[31m.tsv", "a\tb\nno tab\nc\td\n");
  std::vector<std::string> words = train_words(train, {"--test", train, "--vary", "dropout=0,0.1", "--seeds", "1"});
  const Ran trained = run(train_words(train));
  EXPECT_THAT(trained.err, AllOf(HasSubstr("skipped 1 of 3 lines"), Not(HasSubstr("\x1b"))));
  words[0] = "ablate";
  std::ranges::replace(words, path("run"), path("grid"));
  EXPECT_THAT(run(words).err, AllOf(HasSubstr("skipped 1 of 3 lines"), Not(HasSubstr("\x1b"))));
}

TEST_F(Data, PairsAreNotTakenForSources) {
  ASSERT_EQ(run(train_words(good_)).status, 0);
  const Ran ran = run({"predict", path("run")}, "a b\na b\tA B\nb\n");
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 3);
  EXPECT_THAT(ran.err, HasSubstr("standard input:2: the line holds a tab; give the source alone (cut -f1"));
  EXPECT_EQ(run({"inspect", path("run"), "--input", "a\tA"}).status, 2);
}

TEST_F(Data, ANameWithCommasOrALinkOnTheWayIsTheFileThatTheSystemOpens) {
  std::filesystem::create_directories(path("my,dir"));
  std::filesystem::create_directories(path("elsewhere/sub"));
  std::filesystem::create_directory_symlink(path("elsewhere/sub"), path("link"));
  const std::string comma = write("my,dir/t.tsv", "a\tb\nc\td\n");
  EXPECT_THAT(run(train_words(comma)).err, HasSubstr("2 training pairs"));
  EXPECT_EQ(run({"train", "--resume", "--out", path("run"), "--steps", "3"}).status, 0) << "config.cfg names it too";
  write("elsewhere/p.tsv", "a\tb\nc\td\ne\tf\n");
  write("p.tsv", "a\tb\n");
  EXPECT_THAT(run({"summary", "--train", path("link/../p.tsv")}).err, Not(HasSubstr("tapehead: ")));
  std::vector<std::string> words = train_words(path("link/../p.tsv"));
  words.back() = path("linked");
  EXPECT_THAT(run(words).err, HasSubstr("3 training pairs"));
  EXPECT_EQ(run({"eval", path("linked"), "--test", path("p.tsv"), "--json"}).json()["seen_in_training"], 1);
}

}  // namespace
}  // namespace tapehead
