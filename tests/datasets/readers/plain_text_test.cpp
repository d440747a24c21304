// Text that goes on: windows of a row, and what of it is held out.

#include "datasets/readers/plain_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "datasets/source.hpp"
#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr const char* kAlphabet = "abcdefghijklmnopqrstuvwxyz\nabcdefghijklmnopqrstuvwxyz\n";

std::string spelled(const Vocabulary& vocabulary, std::span<const std::int32_t> ids) {
  std::string text;
  for (const std::int32_t id : ids) text += vocabulary.word(id);
  return text;
}

class PlainText : public testing::Test {
 protected:
  PlainTextDataset data(const std::string& text, std::int64_t length, PlainTextOptions plain = {},
                        TextOptions options = {}) const {
    plain.text = folder_.write("text", text);
    options.tokenizer = Tokenizer::characters;
    options.max_length = length;
    return {plain, options};
  }

  // What counts of a split, in order.
  static std::string counted(const PlainTextDataset& data, Split split) {
    std::string text;
    for (std::int64_t i = 0; i < data.size(split); ++i) {
      const SequencePair window = data.example(split, i);
      for (std::size_t t = 0; t < window.target.size(); ++t) {
        if (window.marks.empty() || window.marks[t] != 0) text += data.target_vocabulary().word(window.target[t]);
      }
    }
    return text;
  }

  ScratchFolder folder_;
};

// White space, ends of lines and blank lines are characters like any other; CR LF is an end, and a mark of byte order
// nothing.
TEST_F(PlainText, NothingOfTheTextIsLost) {
  const std::string text = "To  be,\t or\n\nnot  to be: а\xcc\x80\n ";
  const PlainTextDataset all =
      data("x", 1, {.validation_share = 0, .test_share = 0}, {.valid = folder_.write("valid", text)});
  EXPECT_EQ(all.size(Split::validation), 29) << "a letter with its accent is composed where Unicode has it so";
  const PlainTextDataset plain =
      data(text, 4, {.validation_share = 0, .test_share = 0}, {.valid = folder_.path("valid")});
  EXPECT_EQ(counted(plain, Split::validation), text);
  folder_.write("valid",
                "\xef\xbb\xbf"
                "a\r\nb");
  EXPECT_EQ(counted(data("ab\n", 2, {.validation_share = 0, .test_share = 0}, {.valid = folder_.path("valid")}),
                    Split::validation),
            "a\nb");
}

// A window is any stretch of the text, all alike, and its first token stands behind the one before it.
TEST_F(PlainText, TrainingWindowsBeginAnywhere) {
  const PlainTextDataset text = data(kAlphabet, 5, {.validation_share = 0, .test_share = 0});
  Batch batch(BatchLayout::language);
  batch.reserve(8, text.shape());
  std::map<std::string, int> begun;
  for (std::uint64_t step = 1; step <= 400; ++step) {
    text.fill_training_batch(3, step, 8, batch);
    ASSERT_EQ(batch.input().positions, 5);
    for (std::int64_t b = 0; b < 8; ++b) {
      const std::int32_t* ids = batch.expected().ids + batch.expected().stride * b;
      const std::string window = spelled(text.target_vocabulary(), {ids, 5});
      const std::size_t at = std::string(kAlphabet).find(window);
      ASSERT_NE(at, std::string::npos) << window;
      const std::int32_t* input = batch.input().ids + batch.input().stride * b;
      ASSERT_EQ(spelled(text.target_vocabulary(), {input + 1, 4}), window.substr(0, 4));
      const std::string before = text.target_vocabulary().word(input[0]);
      if (before != "<s>") {
        ASSERT_NE(std::string(kAlphabet).find(before + window), std::string::npos) << before << window;
      }
      ++begun[before + window];
    }
  }
  EXPECT_EQ(begun.count("<s>abcde"), 1U) << "the beginning of the text too";
  EXPECT_EQ(begun.size(), 28U) << "every stretch: 27, and the first once more behind its line";
  for (const auto& [window, count] : begun) EXPECT_GT(count, 30) << window;
}

// The first stretch of a text is one, and so is the last.
TEST_F(PlainText, TrainingWindowsReachBothEnds) {
  const PlainTextDataset text = data("abcdef", 3, {.validation_share = 0, .test_share = 0});
  Batch batch(BatchLayout::language);
  batch.reserve(1, text.shape());
  std::set<std::string> windows;
  for (std::uint64_t step = 1; step <= 200; ++step) {
    text.fill_training_batch(3, step, 1, batch);
    windows.insert(spelled(text.target_vocabulary(), {batch.expected().ids, 3}));
  }
  EXPECT_THAT(windows, ElementsAre("abc", "bcd", "cde", "def"));
}

TEST_F(PlainText, ABatchFollowsFromSeedAndStep) {
  const PlainTextDataset text = data(kAlphabet, 5);
  const auto windows = [&](std::uint64_t seed, std::uint64_t step) {
    Batch batch(BatchLayout::language);
    batch.reserve(4, text.shape());
    text.fill_training_batch(seed, step, 4, batch);
    return std::vector(batch.expected().ids, batch.expected().ids + 20);
  };
  const auto first = windows(1, 3);
  windows(2, 9);
  EXPECT_EQ(windows(1, 3), first);
  EXPECT_NE(windows(1, 4), first);
  EXPECT_NE(windows(2, 3), first);
}

// What is trained on, then validation, then test; each held-out token is counted once, after what stands before it.
TEST_F(PlainText, TheEndOfTheTextIsHeldOut) {
  const PlainTextDataset text = data("0123456789abcdefghij", 4, {.validation_share = 0.25, .test_share = 0.1});
  EXPECT_EQ(text.target_vocabulary().size(), kFirstFreeId + 13);
  EXPECT_EQ(text.size(Split::validation), 2);
  EXPECT_EQ(text.size(Split::test), 1);
  EXPECT_EQ(counted(text, Split::validation), "<unk><unk><unk><unk><unk>") << "d to h, which nobody has seen";
  EXPECT_EQ(text.target_vocabulary().word(text.example(Split::validation, 0).before), "c");
  EXPECT_THAT(text.notes()[0],
              HasSubstr("13 characters to train on, 13 of them different; 5 for validation, 2 for the test"));
  EXPECT_THAT(text.notes()[1], HasSubstr("5 of 5 characters are unknown"));
  EXPECT_EQ(data("0123456789abcdefghij", 4, {.validation_share = 0, .test_share = 0}).target_vocabulary().size(),
            kFirstFreeId + 20);
}

// With a stride below the length a window begins with what counted before.
TEST_F(PlainText, EveryHeldOutTokenCountsOnceWhateverTheStride) {
  const std::string held_out = "the cat sat on the mat, and that was that";
  for (const std::int64_t length : {1, 4, 7, 41, 100}) {
    for (const std::int64_t stride : {std::int64_t{1}, length / 2, length}) {
      if (stride == 0) continue;
      const PlainTextDataset text = data(held_out + std::string(100, '.'), length, {.stride = stride},
                                         {.valid = folder_.write("valid", held_out)});
      EXPECT_EQ(counted(text, Split::validation), held_out) << length << " by " << stride;
      std::int64_t characters = 0;
      for (std::int64_t i = 0; i < text.size(Split::validation); ++i) {
        const SequencePair window = text.example(Split::validation, i);
        characters += text.characters(window.view());
        ASSERT_LE(std::ssize(window.target), length);
        const std::int64_t end = std::min((i + 1) * stride, std::ssize(held_out));
        const std::int64_t first = std::max<std::int64_t>((i + 1) * stride - length, 0);
        ASSERT_EQ(std::ssize(window.target), end - first) << "as much before it as a window holds";
        ASSERT_EQ(text.target_vocabulary().word(window.before),
                  first == 0 ? "<s>" : std::string(1, held_out[static_cast<std::size_t>(first - 1)]));
      }
      EXPECT_EQ(characters, std::ssize(held_out));
    }
  }
}

TEST_F(PlainText, WordsKeepTheEndsOfLines) {
  const std::string file = folder_.write("words", "I'm OK.\nYou  are, too\n");
  const PlainTextDataset text({.text = file}, {.valid = file, .max_length = 3});
  std::vector<std::string> words;
  for (std::int64_t i = 0; i < text.size(Split::validation); ++i) {
    for (std::string& word : text.target_words(Split::validation, i)) words.push_back(std::move(word));
  }
  EXPECT_THAT(words, ElementsAre("I'm", "OK", ".", "\n", "You", "are", ",", "too", "\n"));
  EXPECT_FALSE(text.counts_characters());
  EXPECT_EQ(text.headline(), "perplexity");
  EXPECT_EQ(text.place(Split::validation, 1), file + ":1");
  EXPECT_EQ(text.place(Split::validation, 2), file + ":2");
  DataOptions options;
  const LineFormat format = find_source("plain-text").lines(options);
  EXPECT_EQ(format.line(words), "I'm OK.\nYou are, too\n");
  EXPECT_THAT(format.words(""), ElementsAre("\n"));
}

TEST_F(PlainText, DigestsTellDataApart) {
  std::set<std::uint64_t> digests;
  for (const char* text : {"abcabcabcabc", "abcabcabcabd"}) {
    for (const std::int64_t length : {2, 3}) {
      digests.insert(data(text, length).digest());
      digests.insert(data(text, length, {.stride = 1}).digest());
      digests.insert(data(text, length, {.validation_share = 0.2}).digest());
      digests.insert(data(text, length, {.validation_share = 0.2, .test_share = 0.3}).digest());
    }
  }
  EXPECT_EQ(digests.size(), 16U);
}

TEST_F(PlainText, RefusesWhatCannotBe) {
  EXPECT_THAT([&] { data("abc", 5); },
              ThrowsMessage<DataError>(HasSubstr("3 tokens to train on are fewer than a window")));
  EXPECT_THAT([&] { data("abcdefg", 2, {.stride = 3}); },
              ThrowsMessage<ConfigError>(HasSubstr("stride: 3 would leave")));
  EXPECT_THAT([&] { data("abcdefg", 2, {.validation_share = 0.5, .test_share = 0.5}); },
              ThrowsMessage<ConfigError>(HasSubstr("leave nothing to train on")));
  EXPECT_THAT([&] { data("", 2); }, ThrowsMessage<DataError>(HasSubstr("holds no text")));
  EXPECT_THAT([&] { data("a\xff", 2); }, ThrowsMessage<DataError>(HasSubstr("text:1")));
  EXPECT_THAT([&] { PlainTextDataset({}, {}); },
              ThrowsMessage<ConfigError>(HasSubstr("text: a file of text is needed")));
}

// The words of a trained model are taken as they are, and held-out files need no text to train on.
TEST_F(PlainText, ATrainedModelKnowsItsWords) {
  const Vocabularies known{Vocabulary({"b", "a"}), Vocabulary({"b", "a"})};
  const PlainTextDataset text(
      {}, {.test = folder_.write("test", "abc"), .tokenizer = Tokenizer::characters, .max_length = 3}, known);
  EXPECT_THAT(text.example(Split::test, 0).target, ElementsAre(5, 4, kUnknown));
  Batch batch(BatchLayout::language);
  batch.reserve(1, text.shape());
  EXPECT_THAT([&] { text.fill_training_batch(1, 1, 1, batch); }, ThrowsMessage<DataError>(HasSubstr("--text")));
}

}  // namespace
}  // namespace tapehead
