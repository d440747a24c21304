#include "datasets/readers/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Text : public testing::Test {
 protected:
  Text() { fs::create_directories(folder_); }
  ~Text() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  fs::path folder_ = fs::temp_directory_path() / ("tapehead_text" + std::to_string(::getpid()));
};

std::vector<std::string> source_words(const TextDataset& data, Split split, std::int64_t i) {
  return data.source_vocabulary().words_of(data.example(split, i).source);
}

TEST_F(Text, ReadsTabSeparatedPairsWithMarksAndLineEndsAsTheyCome) {
  const TextDataset data({.train = file("train.tsv", "\xef\xbb\xbfHi.\tЗдрасти.\tby somebody\r\n\r\nWho?\tКой?\r\n"),
                          .valid = file("valid.tsv", "Hi, you!\tЗдрасти!"),
                          .test = file("test.tsv", "Who?\tКой?\n")});
  EXPECT_EQ(data.report().training_pairs, 2);
  EXPECT_EQ(data.report().train.file.bad_lines(), 0);
  EXPECT_EQ(data.report().test.seen_in_training, 1);
  EXPECT_THAT(source_words(data, Split::validation, 0), ElementsAre("Hi", "<unk>", "<unk>", "<unk>"));
  EXPECT_THAT(source_words(data, Split::test, 0), ElementsAre("Who", "?"));
  EXPECT_EQ(data.max_source_length(), 4);
}

TEST_F(Text, ReadsParallelFiles) {
  const std::string names = file("a.en", "one\ntwo words\n") + "," + file("a.de", "eins\nzwei Wörter\n");
  const TextDataset data({.train = names, .test = names});
  EXPECT_EQ(data.size(Split::test), 2);
  EXPECT_THAT(source_words(data, Split::test, 1), ElementsAre("two", "words"));
  EXPECT_THAT([&] { TextDataset({.train = file("b.en", "one\n") + "," + file("b.de", "eins\nzwei\n")}); },
              ThrowsMessage<DataError>(HasSubstr("b.en has 1 and")));
}

const LineCount& fault(const PairFileReport& file, LineFault kind) {
  return file.faults.at(static_cast<std::size_t>(kind));
}

TEST_F(Text, LinesThatAreNotPairsAreCountedByKindAndTheFirstOfEachIsNamed) {
  const std::string lines = "a\tb\nno tab here\n\tno source\nc\td\nx\t \u200e\n \ta\ne\tf\ng\th\n1\t2\t3\t4\nx\ty\n";
  const TextDataset data({.train = file("train.tsv", lines), .test = file("test.tsv", "a\tb\nc\n")});
  const PairFileReport& read = data.report().train.file;
  EXPECT_EQ(read.bad_lines(), 5);
  EXPECT_EQ(fault(read, LineFault::no_tab).lines, 1);
  EXPECT_EQ(fault(read, LineFault::no_source).lines, 2);
  EXPECT_THAT(fault(read, LineFault::no_source).first, testing::EndsWith("train.tsv:3"));
  EXPECT_EQ(fault(read, LineFault::no_target).lines, 1);
  EXPECT_EQ(fault(read, LineFault::too_many_columns).lines, 1);
  const std::string path = (folder_ / "train.tsv").string();
  EXPECT_EQ(read.faults_text(), "1 without a tab (" + path + ":2), 2 without a source (" + path +
                                    ":3), 1 without a target (" + path + ":5), 1 of more than three columns (" + path +
                                    ":9)");
  EXPECT_EQ(data.report().training_pairs, 5);
  EXPECT_EQ(data.report().test.file.bad_lines(), 1) << "each file has a report of its own";
}

// Of a file of another kind not even the pairs that it happens to hold are taken.
TEST_F(Text, AFileWhoseLinesAreMostlyNoPairsIsRefused) {
  std::string lines;
  for (int i = 0; i < 5; ++i) lines += "a\tb\nno pair\n";
  EXPECT_EQ(TextDataset({.train = file("half.tsv", lines)}).report().train.file.bad_lines(), 5);
  EXPECT_THAT([&] { TextDataset({.train = file("most.tsv", lines + "no pair\n")}); },
              ThrowsMessage<DataError>(testing::AllOf(HasSubstr("5 lines hold a pair and 6 do not: 6 without a tab ("),
                                                      HasSubstr("most.tsv:2); expected"))));
}

TEST_F(Text, BlankLinesArePassedOverAndCountedButForThoseAtTheEnd) {
  const TextDataset data({.train = file("t.tsv", "\na\tb\n \n\t\t\nc\td\n\n\n")});
  EXPECT_EQ(data.report().train.file.blank_lines, 3);
  EXPECT_EQ(data.report().train.file.bad_lines(), 0);
}

TEST_F(Text, ColumnsAreChosenByNumberOrByTitle) {
  const std::string path = file("ids.tsv", "id\tenglish\tid2\tbulgarian\n1276\tHello\t77\tZdr\n1277\tBye\t78\tDov\n");
  for (const char* columns : {"english,bulgarian", "2,4"}) {
    const TextDataset data({.train = path, .columns = parse_columns(columns)});
    EXPECT_EQ(data.source_vocabulary().id("1276"), kUnknown);
    EXPECT_NE(data.source_vocabulary().id("Hello"), kUnknown);
    EXPECT_NE(data.target_vocabulary().id("Dov"), kUnknown);
    EXPECT_EQ(data.report().training_pairs, columns[0] == '2' ? 3 : 2) << "a line of titles is no pair, if it is one";
  }
  const TextDataset turned({.train = path, .columns = parse_columns("4,2")});
  EXPECT_NE(turned.source_vocabulary().id("Zdr"), kUnknown);
  EXPECT_THAT([&] { TextDataset({.train = path, .columns = parse_columns("english,german")}); },
              ThrowsMessage<DataError>(HasSubstr("ids.tsv:1: --columns names \"german\"")));
  EXPECT_THAT([&] { TextDataset({.train = path, .columns = parse_columns("2,5")}); },
              ThrowsMessage<DataError>(HasSubstr("3 without a target (")));
  const std::string two = file("a", "x\n") + "," + file("b", "y\n");
  EXPECT_THROW(TextDataset({.train = two, .columns = parse_columns("1,2")}), ConfigError);
}

TEST_F(Text, ColumnsThatNobodyChoseAreNotGuessed) {
  const auto refusal = [&](const char* lines, const char* message) {
    EXPECT_THAT([&] { TextDataset({.train = file("t.tsv", lines)}); }, ThrowsMessage<DataError>(HasSubstr(message)))
        << lines;
  };
  refusal("1276\tHello\t77\tZdr\n", "with --columns, such as --columns 2,4");
  refusal("1\teng\tHello\n2\teng\tBye\n", "column 1 holds numbers alone");
  refusal("id\tlanguage\ttext\n1\teng\tHello\n2\teng\tBye\n", "column 1 holds numbers alone");
  refusal("Hello\t12\tZdr\nBye\t13\tDov\n", "column 2 holds numbers alone");
  const TextDataset numbers({.train = file("n.tsv", "one\t1\ntwo\t2\n")});  // with two columns nothing is left over
  EXPECT_EQ(numbers.report().train.file.third_column.lines, 0);
}

TEST_F(Text, AThirdColumnOfRemarksIsNotReadAndThatIsReported) {
  const TextDataset data({.train = file("t.tsv", "Hi\tHallo\tby A\nBye\tTschau\t\nYes\tJa\t2\n")});
  EXPECT_EQ(data.report().training_pairs, 3);
  EXPECT_EQ(data.report().train.file.third_column.lines, 2) << "an empty one is none";
  EXPECT_THAT(data.report().train.file.third_column.first, testing::EndsWith("t.tsv:1"));
}

TEST(Columns, WhatIsNoChoiceOfTwoIsRefused) {
  for (const char* text :
       {"1", ",", "1,", ",2", "1,2,3", "0,1", "-1,2", "1,1", "01,1", "a,a", "1,b", "9999999999999999999,1"}) {
    EXPECT_THROW(parse_columns(text), ConfigError) << text;
  }
  EXPECT_FALSE(parse_columns("").chosen);
}

TEST_F(Text, AnExistingFileIsOneFileWhateverItsName) {
  fs::create_directories(folder_ / "my,dir");
  const std::string path = file("my,dir/a,b.tsv", "a\tb\nc\td\n");
  EXPECT_EQ(TextDataset({.train = path}).report().training_pairs, 2);
  const std::string two = file("my,dir/x.en", "one\n") + "," + file("my,dir/y,z.de", "eins\n");
  EXPECT_EQ(TextDataset({.train = two}).target_vocabulary().words()[0], "eins");
  EXPECT_THAT([&] { TextDataset({.train = (folder_ / "my,dir/absent.tsv").string()}); },
              ThrowsMessage<DataError>(HasSubstr("my,dir/absent.tsv: ")));
}

TEST_F(Text, ANameOfOneFileAndOfTwoIsOneAndThatIsReported) {
  const std::string a = file("a", "one\n");
  fs::create_directories((folder_ / "a,").string() + (folder_ / "").string());
  const std::string name = a + "," + file("b", "eins\n");
  std::ofstream(name) << "both\tbeide\n";
  const TextDataset data({.train = name});
  EXPECT_EQ(data.source_vocabulary().words()[0], "both");
  EXPECT_TRUE(data.report().train.file.also_two_files);
}

TEST_F(Text, ANameThatSplitsInTwoWaysIsRefused) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  for (const char* name : {"a", "b,c", "a,b", "c"}) file(name, "x\n");
  EXPECT_THAT([&] { TextDataset({.train = "a,b,c"}); },
              ThrowsMessage<ConfigError>(HasSubstr("may be a and b,c, or a,b and c")));
  fs::current_path(before);
}

TEST_F(Text, UnknownWordsAreCountedOfEachSplitAndSide) {
  const std::string train = file("t.tsv", "a a b\tx y y\n");
  const TextReport report =
      TextDataset({.train = train, .valid = file("v.tsv", "a q q\tz\n"), .test = train, .min_count = 2}).report();
  EXPECT_EQ(std::pair(report.train.source.words, report.train.source.unknown), std::pair(3L, 1L));
  EXPECT_EQ(std::pair(report.validation.source.words, report.validation.source.unknown), std::pair(3L, 2L));
  EXPECT_EQ(report.validation.target.share(), 1);
  EXPECT_EQ(report.test.target.unknown, 1);
  EXPECT_NEAR(report.source_seen_once, 1.0 / 3, 1e-12);
}

TEST_F(Text, UnknownWordsOfAHeldOutExampleAreShownAsTheyStand) {
  const TextDataset data({.train = file("t.tsv", "a\tx\n"), .test = file("u.tsv", "million a\tz x\n")});
  EXPECT_THAT(data.example(Split::test, 0).source, ElementsAre(kUnknown, kFirstFreeId));
  EXPECT_THAT(data.source_words(Split::test, 0), ElementsAre("million", "a"));
  EXPECT_THAT(data.target_words(Split::test, 0), ElementsAre("z", "x"));
}

TEST_F(Text, AHeldOutExampleKnowsItsLine) {
  const TextDataset data({.train = file("t.tsv", "a\tx\n"), .test = file("u.tsv", "a\tx\n\nbad\nb\ty\nc\tz\n")});
  EXPECT_EQ(data.place(Split::test, 1), (folder_ / "u.tsv").string() + ":4");
  const TextDataset two(
      {.train = file("a", "x\n") + "," + file("b", "y\n"), .valid = file("c", "\nx\n") + "," + file("d", "\ny\n")});
  EXPECT_EQ(two.place(Split::validation, 0), (folder_ / "c").string() + ":2");
}

TEST_F(Text, PairsThatStandInTrainingAreCountedWordForWord) {
  const std::string train = file("t.tsv", "a b\tx\na  b\tx\nab\tx\na b\ty\nq w e r\tx\n");
  const std::string test = file("u.tsv", "a b\tx\na b\tz\nb a\tx\na b x\ty\nq w e r\tx\n");
  const TextReport report = TextDataset({.train = train, .test = test, .max_length = 3}).report();
  EXPECT_EQ(report.test.seen_in_training, 1) << "a pair too long to be trained on was not seen";
  EXPECT_EQ(report.test.sources_in_training, 1) << "a b, whose other target is z";
  EXPECT_EQ(report.train.seen_in_training, 1) << "white space makes no other pair";
  EXPECT_EQ(report.validation.seen_in_training, 0);
}

TEST_F(Text, VocabulariesOfATrainedModelNeedNoTrainingFile) {
  const std::string test = file("u.tsv", "b a\tx\n");
  const TextDataset data({.train = "", .test = test}, Vocabularies{Vocabulary({"b"}), Vocabulary({"w", "x"})});
  EXPECT_THAT(data.example(Split::test, 0).source, ElementsAre(kFirstFreeId, kUnknown));
  EXPECT_THAT(data.example(Split::test, 0).target, ElementsAre(kFirstFreeId + 1));
  EXPECT_FALSE(data.report().test.seen_in_training.has_value());
  Batch batch;
  batch.reserve(1, 9, 9);
  EXPECT_THROW(data.fill_training_batch(1, 1, 1, batch), DataError);
}

TEST_F(Text, CharactersAreTokensWhereThatIsAskedFor) {
  const std::string pairs = file("t.tsv", "a b\t50494\n");
  const TextDataset data({.train = pairs, .test = pairs, .tokenizer = Tokenizer::characters});
  EXPECT_THAT(data.source_vocabulary().words(), ElementsAre(" ", "a", "b"));
  EXPECT_THAT(data.target_vocabulary().words(), ElementsAre("4", "0", "5", "9"));
  EXPECT_EQ(data.example(Split::test, 0).target.size(), 5U);
}

TEST_F(Text, NeitherALineNorAFileWithoutAnEndIsWaitedFor) {
  EXPECT_THAT([&] { TextDataset({.train = file("long.tsv", "a\tb\n" + std::string(1200000, 'x'))}); },
              ThrowsMessage<DataError>(HasSubstr("long.tsv:2: the line is longer than 1048576")));
  EXPECT_THAT([&] { TextDataset({.train = "/dev/zero"}); }, ThrowsMessage<DataError>(HasSubstr("is a device")));
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT([&] { TextDataset({.train = pipe}); }, ThrowsMessage<DataError>(HasSubstr("is a pipe, not a file")));
}

TEST_F(Text, LinesMayEndWithCrAloneInTheWholeFile) {
  const TextDataset data({.train = file("mac.tsv", "a\tA\rb\tB\rc\tC\r")});
  EXPECT_EQ(data.report().training_pairs, 3);
  EXPECT_THAT([&] { TextDataset({.train = file("mixed.tsv", "a\tA\nb\tB\rc\tC\n")}); },
              ThrowsMessage<DataError>(HasSubstr("mixed.tsv:2: some lines end with CR alone")));
}

TEST_F(Text, AWordIsOneWordHoweverItsAccentsWereTyped) {
  const TextDataset data({.train = file("nfc.tsv", "caf\u00e9\tx\ncafe\u0301\tx\n")});
  EXPECT_THAT(data.source_vocabulary().words(), ElementsAre("caf\u00e9"));
}

TEST_F(Text, WhatCannotBeReadIsRefusedInOneLine) {
  const auto refusal = [&](const std::string& name, const char* message) {
    EXPECT_THAT([&] { TextDataset({.train = name}); }, ThrowsMessage<DataError>(HasSubstr(message)));
  };
  refusal((folder_ / "absent.tsv").string(), "cannot be opened");
  refusal(file("empty.tsv", ""), "the file is empty");
  refusal(file("mark.tsv", "\xef\xbb\xbf"), "the file is empty");
  refusal(file("blank.tsv", "\r\n\n"), "no line holds a pair");
  refusal(file("fine.en", "a\n") + "," + file("latin.fr", "caf\xe9\n"), "latin.fr:1: not valid UTF-8");
  refusal(file("words.tsv", "no tab\nat all\n"), "no line holds a pair");
  refusal(file("latin.tsv", "a\tb\ncaf\xe9\tc\n"), "latin.tsv:2: not valid UTF-8");
  refusal(folder_.string(), "is a folder, not a file");
  EXPECT_THROW(TextDataset({.train = ""}), ConfigError);
  EXPECT_THROW(TextDataset({.train = file("t.tsv", "a b c\td\n"), .max_length = 2}), DataError);
}

// One endless line among the held-out ones must not make every batch, and the model, as large as itself.
TEST_F(Text, LongTrainingPairsAreLeftOutAndHeldOutOnesKeptWithoutRoomForThem) {
  const std::string pairs = file("t.tsv", "a\tb\na b c d\te\na b\tb\n");
  const TextDataset data({.train = pairs, .test = pairs, .max_length = 3});
  EXPECT_EQ(data.report().too_long, 1);
  EXPECT_EQ(data.report().training_pairs, 2);
  EXPECT_EQ(data.size(Split::test), 3);
  EXPECT_EQ(data.example(Split::test, 1).source.size(), 4U);
  EXPECT_EQ(data.max_source_length(), 2);
  EXPECT_EQ(TextDataset({.train = file("short.tsv", "a\tb\n"), .test = pairs, .max_length = 4}).max_source_length(), 4);
}

TEST_F(Text, HeldOutPairsSayWhereTheyAre) {
  const TextDataset data({.train = file("train.tsv", "Hi.\tHallo.\n"),
                          .valid = file("v.en", "Hi.\n\nSee you!\n") + "," + file("v.de", "Hallo.\n\nBis bald!\n"),
                          .test = file("test.tsv", "\nno pair\nHi, Ann.\tHallo, Anne.\na\tb\n")});
  EXPECT_THAT(data.place(Split::test, 0), testing::EndsWith("test.tsv:3"));
  EXPECT_THAT(data.place(Split::test, 1), testing::EndsWith("test.tsv:4"));
  EXPECT_THAT(data.place(Split::validation, 1), testing::EndsWith("v.en:3"));
  EXPECT_THROW(data.place(Split::test, 2), std::out_of_range);
}

TEST_F(Text, EpochsArePermutationsThatFollowFromTheSeedAlone) {
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "w" + std::to_string(i) + "\tx\n";
  const TextOptions options{.train = file("t.tsv", lines)};
  const TextDataset data(options);
  const TextDataset other(options);
  Batch batch;
  batch.reserve(4, 1, 1);
  const auto ids_of = [&](const TextDataset& from, std::uint64_t seed, std::uint64_t step) {
    from.fill_training_batch(seed, step, 4, batch);
    std::vector<std::int32_t> ids;
    ids.reserve(4);
    for (int b = 0; b < 4; ++b) ids.push_back(batch.source()(0, b));
    return ids;
  };
  // Five batches of four are two epochs of ten.
  std::vector<std::vector<std::int32_t>> forwards;
  std::multiset<std::int32_t> seen;
  for (std::uint64_t step = 1; step <= 5; ++step) {
    forwards.push_back(ids_of(data, 7, step));
    seen.insert(forwards.back().begin(), forwards.back().end());
  }
  for (std::int32_t id = kFirstFreeId; id < kFirstFreeId + 10; ++id) EXPECT_EQ(seen.count(id), 2U) << id;
  for (std::uint64_t step = 5; step >= 1; --step) EXPECT_EQ(ids_of(other, 7, step), forwards[step - 1]);
  EXPECT_NE(ids_of(data, 8, 1), forwards[0]);
}

TEST_F(Text, DigestFollowsTheContent) {
  const std::string a = file("a.tsv", "a\tb\nc\td\n");
  const std::string b = file("b.tsv", "a\tb\nc\te\n");
  EXPECT_EQ(TextDataset({.train = a}).digest(), TextDataset({.train = a}).digest());
  EXPECT_NE(TextDataset({.train = a}).digest(), TextDataset({.train = b}).digest());
  EXPECT_NE(TextDataset({.train = a}).digest(), TextDataset({.train = a, .test = b}).digest());
  EXPECT_NE(TextDataset({.train = a, .valid = b}).digest(), TextDataset({.train = a, .test = b}).digest());
}

TEST_F(Text, VocabulariesAreOfTheTrainingFileAloneAndKeepTheirLimits) {
  const std::string train = file("t.tsv", "a a a b b c\tx y y\n");
  const std::string test = file("u.tsv", "d d d d a\tz\n");
  const TextDataset all({.train = train, .test = test});
  EXPECT_THAT(all.source_vocabulary().words(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(all.target_vocabulary().words(), ElementsAre("y", "x"));
  EXPECT_THAT(all.example(Split::test, 0).source, ElementsAre(kUnknown, kUnknown, kUnknown, kUnknown, kFirstFreeId));
  EXPECT_THAT(TextDataset({.train = train, .min_count = 2}).source_vocabulary().words(), ElementsAre("a", "b"));
  EXPECT_THAT(TextDataset({.train = train, .max_words = 1}).source_vocabulary().words(), ElementsAre("a"));
  EXPECT_THROW(TextDataset({.train = train, .min_count = 0}), ConfigError);
  EXPECT_THROW(TextDataset({.train = train, .max_words = -1}), ConfigError);
  EXPECT_THROW(TextDataset({.train = train, .max_length = 0}), ConfigError);
}

// Such words are split into marks, and the vocabulary knows no reserved name besides.
TEST_F(Text, NoWordOfAFileBecomesAReservedIdOtherThanUnknown) {
  const std::string lines = file("t.tsv", "<s> </s> <pad> <unk>\t</s> <s>\n");
  const TextDataset data({.train = lines, .test = lines});
  const SequencePair pair = data.example(Split::test, 0);
  for (const auto* side : {&pair.source, &pair.target}) EXPECT_THAT(*side, testing::Each(testing::Ge(kFirstFreeId)));
}

TEST_F(Text, ASplitWithoutAFileIsEmpty) {
  const TextDataset data({.train = file("t.tsv", "a\tb\n")});
  EXPECT_EQ(data.size(Split::validation), 0);
  EXPECT_EQ(data.size(Split::test), 0);
}

TEST_F(Text, ParallelFilesMayDifferInMarksAndLineEnds) {
  const TextDataset data({.train = file("a", "one\r\n\r\ntwo\r\nthree\r\n") + "," +
                                   file("b",
                                        "\xef\xbb\xbf"
                                        "eins\n\nzwei\n \n")});
  EXPECT_THAT(data.source_vocabulary().words(), ElementsAre("one", "two"));
  EXPECT_THAT(data.target_vocabulary().words(), ElementsAre("eins", "zwei"));
  EXPECT_EQ(data.report().train.file.bad_lines(), 1);
  EXPECT_THAT(fault(data.report().train.file, LineFault::no_target).first, testing::EndsWith("a:4"));
}

TEST_F(Text, ABlankFirstLineAfterAMarkIsPassedOver) {
  const TextDataset data({.train = file("t.tsv", "\xef\xbb\xbf\r\na\tb\n")});
  EXPECT_EQ(data.report().train.file.bad_lines(), 0);
  EXPECT_EQ(data.report().training_pairs, 1);
}

TEST_F(Text, EverySeedHasAnOrderOfItsOwnAndEveryOrderOccurs) {
  const TextDataset data({.train = file("t.tsv", "a\tx\nb\tx\nc\tx\n")});
  Batch batch;
  batch.reserve(3, 1, 1);
  std::set<std::vector<std::int32_t>> orders;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    data.fill_training_batch(seed, 1, 3, batch);
    orders.insert({batch.source()(0, 0), batch.source()(0, 1), batch.source()(0, 2)});
  }
  EXPECT_EQ(orders.size(), 6U);
}

TEST_F(Text, AnEpochGoesOnInTheNextBatchEvenIfTheBatchIsLargerThanTheFile) {
  const TextDataset data({.train = file("t.tsv", "a\tx\nb\tx\nc\tx\n")});
  Batch batch;
  batch.reserve(7, 1, 1);
  std::vector<std::int32_t> ids;
  for (const std::uint64_t step : {1, 2, 3}) {
    data.fill_training_batch(3, step, 7, batch);
    for (std::int64_t b = 0; b < 7; ++b) ids.push_back(batch.source()(0, b));
  }
  for (std::size_t epoch = 0; epoch < 7; ++epoch) {
    EXPECT_THAT(std::vector(ids.begin() + 3 * epoch, ids.begin() + 3 * (epoch + 1)),
                testing::UnorderedElementsAre(kFirstFreeId, kFirstFreeId + 1, kFirstFreeId + 2));
  }
}

}  // namespace
}  // namespace tapehead
