#include "datasets/text.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <gtest/gtest.h>
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
  EXPECT_EQ(data.report().bad_lines, 0);
  EXPECT_EQ(data.report().held_out_in_train, 1);
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
              ThrowsMessage<DataError>(HasSubstr("has 1 lines and")));
}

TEST_F(Text, LinesWithTooFewFieldsAreCountedAndTheFirstAreNamed) {
  const TextDataset data({.train = file("train.tsv", "a\tb\nno tab here\n\tno source\nc\td\n")});
  EXPECT_EQ(data.report().bad_lines, 2);
  EXPECT_THAT(data.report().first_bad_lines,
              ElementsAre(testing::EndsWith("train.tsv:2"), testing::EndsWith("train.tsv:3")));
  EXPECT_EQ(data.report().training_pairs, 2);
}

// Of many only a few are named; and of a file of another kind not even the pairs that it happens to hold are taken.
TEST_F(Text, AFileWhoseLinesAreMostlyNoPairsIsRefused) {
  std::string lines;
  for (int i = 0; i < 5; ++i) lines += "a\tb\nno pair\n";
  EXPECT_EQ(TextDataset({.train = file("half.tsv", lines)}).report().first_bad_lines.size(), 3U);
  EXPECT_THAT([&] { TextDataset({.train = file("most.tsv", lines + "no pair\n")}); },
              ThrowsMessage<DataError>(testing::AllOf(HasSubstr("5 lines hold a pair and 6 do not"),
                                                      HasSubstr("most.tsv:2, "), HasSubstr("most.tsv:6; expected"))));
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

TEST_F(Text, LongTrainingPairsAreLeftOutAndHeldOutOnesKept) {
  const std::string pairs = file("t.tsv", "a b c d\te\na\tb\n");
  const TextDataset data({.train = pairs, .test = pairs, .max_length = 3});
  EXPECT_EQ(data.report().too_long, 1);
  EXPECT_EQ(data.report().training_pairs, 1);
  EXPECT_EQ(data.size(Split::test), 2);
  EXPECT_EQ(data.max_source_length(), 4);
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
  EXPECT_EQ(data.report().bad_lines, 1);
  EXPECT_THAT(data.report().first_bad_lines, ElementsAre(testing::EndsWith("a:4")));
}

TEST_F(Text, ABlankFirstLineAfterAMarkIsPassedOver) {
  const TextDataset data({.train = file("t.tsv", "\xef\xbb\xbf\r\na\tb\n")});
  EXPECT_EQ(data.report().bad_lines, 0);
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
