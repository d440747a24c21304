// Lines of a file, each an example: what is kept of them, and in which split they stand.

#include "datasets/readers/lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;
using testing::ThrowsMessage;

std::string line_of(const LinesDataset& data, std::span<const std::int32_t> ids) {
  std::string text;
  for (const std::int32_t id : ids) text += data.target_vocabulary().word(id);
  return text;
}

std::vector<std::string> lines_of(const LinesDataset& data, Split split) {
  std::vector<std::string> lines;
  for (std::int64_t i = 0; i < data.size(split); ++i) lines.push_back(line_of(data, data.example(split, i).target));
  return lines;
}

// An epoch of training lines, in any order.
std::multiset<std::string> trained_on(const LinesDataset& data, std::int64_t lines, std::uint64_t first_step = 1) {
  Batch batch(BatchLayout::language);
  batch.reserve(1, data.shape());
  std::multiset<std::string> found;
  for (std::int64_t i = 0; i < lines; ++i) {
    data.fill_training_batch(5, first_step + static_cast<std::uint64_t>(i), 1, batch);
    const TokenView expected = batch.expected();
    EXPECT_EQ(expected(expected.lengths[0] - 1, 0), kEnd);
    found.insert(line_of(data, {expected.ids, static_cast<std::size_t>(expected.lengths[0] - 1)}));
  }
  return found;
}

class LinesOfText : public testing::Test {
 protected:
  LinesDataset data(const std::string& text, PlainTextOptions plain = {}, TextOptions options = {}) const {
    plain.text = folder_.write("text", text);
    options.tokenizer = Tokenizer::characters;
    return {plain, options};
  }
  ScratchFolder folder_;
};

std::string numbers_up_to(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST_F(LinesOfText, EveryLineIsInOneSplitAndARepeatNowhere) {
  const std::string text = numbers_up_to(2000);
  const LinesDataset lines = data(text + "7\n\n8\n" + text, {.validation_share = 0.1, .test_share = 0.2});
  const auto validation = lines_of(lines, Split::validation);
  const auto test = lines_of(lines, Split::test);
  EXPECT_NEAR(static_cast<double>(validation.size()), 200, 50);
  EXPECT_NEAR(static_cast<double>(test.size()), 400, 70);
  const std::int64_t left = 2000 - std::ssize(validation) - std::ssize(test);
  std::multiset<std::string> all = trained_on(lines, left);
  all.insert(validation.begin(), validation.end());
  all.insert(test.begin(), test.end());
  EXPECT_EQ(all.size(), 2000U);
  EXPECT_EQ((std::set<std::string>(all.begin(), all.end()).size()), 2000U);
  EXPECT_EQ(trained_on(lines, left, static_cast<std::uint64_t>(left) + 1).size(), static_cast<std::size_t>(left));
  EXPECT_THAT(lines.notes().at(1), HasSubstr("2002 of 4002 lines stand there before, and are taken once"));
}

// Where a line belongs does not change with the rest of the file.
TEST_F(LinesOfText, ALineStaysInItsSplit) {
  std::map<std::string, int> split;
  for (const int count : {300, 600}) {
    const LinesDataset lines = data(numbers_up_to(count));
    for (const Split each : {Split::validation, Split::test}) {
      for (const std::string& line : lines_of(lines, each)) {
        const int number = each == Split::test ? 2 : 1;
        if (count == 600 && std::stoi(line) < 300) {
          EXPECT_EQ(split[line], number) << line;
        } else {
          split[line] = number;
        }
      }
    }
  }
}

TEST_F(LinesOfText, FilesOfTheirOwnAreHeldOutWhole) {
  const std::string valid = folder_.write("valid", "anna\nxaver\n");
  const LinesDataset lines = data("anna\nbob\nanna\n  \nbob b\n", {}, {.valid = valid, .max_length = 4});
  EXPECT_EQ(trained_on(lines, 2), (std::multiset<std::string>{"anna", "bob"}));
  EXPECT_THAT(lines_of(lines, Split::validation), testing::ElementsAre("anna", "<unk>a<unk><unk><unk>"));
  EXPECT_EQ(lines.size(Split::test), 0);
  EXPECT_EQ(lines.shape().target, 4) << "longer held-out lines make nothing larger";
  EXPECT_EQ(lines.place(Split::validation, 1), valid + ":2");
  const std::vector<std::string> notes = lines.notes();
  ASSERT_THAT(notes, SizeIs(5));
  EXPECT_EQ(notes[0], "2 lines to train on, of 4 different characters; 2 for validation, 0 for the test");
  EXPECT_THAT(notes[1], HasSubstr("1 of 4 lines stand there before"));
  EXPECT_THAT(notes[2], HasSubstr("1 of 4 lines are longer than max-length"));
  EXPECT_THAT(notes[3], HasSubstr("1 of 2 lines stand in the training text too"));
  EXPECT_THAT(notes[4], HasSubstr("4 of 9 characters are unknown"));
}

// Bits are over the characters of the text, of which the end of a line is one.
TEST_F(LinesOfText, AnEndCountsAsTheCharacterThatItIs) {
  const LinesDataset lines = data("anna\nbob\n");
  SequencePair line{.target = {4, 5, 5, 4}};
  EXPECT_TRUE(lines.counts_characters());
  EXPECT_EQ(lines.characters(line.view()), 5);
  EXPECT_EQ(lines.headline(), "bits_per_character");
  EXPECT_TRUE(lines.shape().ends);
}

TEST_F(LinesOfText, RefusesWhatCannotBe) {
  EXPECT_THAT([&] { data("\n \n"); }, ThrowsMessage<DataError>(HasSubstr("holds no line of text")));
  EXPECT_THAT([&] { data("abc\n", {}, {.max_length = 2}); }, ThrowsMessage<DataError>(HasSubstr("raise max-length")));
  EXPECT_THAT([&] { LinesDataset({}, {}); },
              ThrowsMessage<ConfigError>(HasSubstr("text: a file of text is needed for lines")));
}

}  // namespace
}  // namespace tapehead
