#include "datasets/readers/masked_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "datasets/source.hpp"
#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

// So many words, one of five, one a line and one amid lines.
std::string some_words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::string(1, "aaabc"[i % 5]) + (i % 7 == 0 ? "\n" : " ");
  return text;
}

// What is hidden of a text in windows of `length`.
MaskedTextDataset masked(const std::string& text, std::int64_t length, const MaskingOptions& masking = {},
                         const TextOptions& more = {}) {
  TextOptions options = more;
  options.max_length = length;
  return {{.text = text}, options, masking};
}

class MaskedText : public testing::Test {
 protected:
  std::string whole(const MaskedTextDataset& data, Split split) const {
    std::string text;
    for (std::int64_t i = 0; i < data.size(split); ++i) {
      for (const std::string& word : data.target_words(split, i)) text += word;
    }
    return text;
  }
  ScratchFolder folder_;
};

TEST_F(MaskedText, IsOneRowOfTokensCutInPieces) {
  const std::string file = folder_.write("text", "To  be,\n\n or not\n");
  const MaskedTextDataset characters = masked(file, 5, {}, {.valid = file, .tokenizer = Tokenizer::characters});
  EXPECT_EQ(whole(characters, Split::validation), "To  be,\n\n or not\n");
  EXPECT_EQ(characters.size(Split::validation), 4);
  EXPECT_EQ(characters.size(Split::test), 0);
  EXPECT_EQ(characters.example(Split::validation, 3).target.size(), 2U);
  EXPECT_EQ(characters.place(Split::validation, 2), file + ":3");
  EXPECT_EQ(characters.shape().source, 5);
  EXPECT_EQ(characters.shape().target, 5);
  const MaskedTextDataset words = masked(file, 8, {}, {.valid = file});
  EXPECT_THAT(words.target_words(Split::validation, 0), ElementsAre("To", "be", ",", "\n", "\n", "or", "not", "\n"));
  EXPECT_EQ(words.source_vocabulary().words().back(), "<mask>");
}

// Shares of what is chosen, and of what is shown in its place, over many draws; the rest of a piece is left alone and
// does not count.
TEST_F(MaskedText, HidesItsSharesOfTokens) {
  const std::string file = folder_.write("text", some_words(4000));
  for (const auto& masking : {MaskingOptions{}, MaskingOptions{.share = 0.3, .hidden = 0.5, .random = 0.5}}) {
    const MaskedTextDataset data = masked(file, 40, masking);
    const std::int32_t mask = data.source_vocabulary().id(kMask);
    Batch batch(BatchLayout::encoder_decoder);
    batch.reserve(8, data.shape());
    double all = 0, chosen = 0, hidden = 0, changed = 0;
    std::vector<double> drawn(static_cast<std::size_t>(data.source_vocabulary().size()));
    for (std::uint64_t step = 1; step <= 150; ++step) {
      data.fill_training_batch(3, step, 8, batch);
      const TokenView source = batch.source(), input = batch.input(), expected = batch.expected();
      for (std::int64_t b = 0; b < 8; ++b) {
        const std::int64_t length = expected.lengths[b] - 1;
        ASSERT_EQ(source.lengths[b], length + 1);
        ASSERT_EQ(expected(length, b), kPadding) << "an end is no guess";
        double here = 0;
        for (std::int64_t t = 0; t < length; ++t) {
          const std::int32_t true_id = input(t + 1 < length ? t + 1 : t, b);  // behind <s>
          ++all;
          if (expected(t, b) == kPadding) {
            if (t + 1 < length) {
              ASSERT_EQ(source(t, b), true_id);
            }
            continue;
          }
          ++here;
          if (t + 1 < length) {
            ASSERT_EQ(expected(t, b), true_id);
          }
          hidden += source(t, b) == mask ? 1 : 0;
          const bool other = source(t, b) != mask && source(t, b) != expected(t, b);
          changed += other ? 1 : 0;
          if (other) ++drawn[static_cast<std::size_t>(source(t, b))];
        }
        ASSERT_GE(here, 1);
        chosen += here;
      }
    }
    EXPECT_NEAR(chosen / all, masking.share, 0.01);
    EXPECT_NEAR(hidden / chosen, masking.hidden, 0.02);
    // Of a, b, c and the end of a line, drawn alike, one is what stands there.
    EXPECT_NEAR(changed / chosen, masking.random * 3 / 4, 0.02);
    EXPECT_EQ(drawn[static_cast<std::size_t>(mask)], 0);
    for (std::size_t id = 0; id < kFirstFreeId; ++id) EXPECT_EQ(drawn[id], 0);
  }
}

TEST_F(MaskedText, AtLeastOneTokenOfAPieceIsChosen) {
  const std::string file = folder_.write("text", some_words(200));
  const MaskedTextDataset data = masked(file, 3, {.share = 1e-6}, {.valid = file});
  std::vector<int> places(3);
  for (std::int64_t i = 0; i + 1 < data.size(Split::validation); ++i) {
    const SequencePair pair = data.example(Split::validation, i);
    ASSERT_EQ(pair.marks[0] + pair.marks[1] + pair.marks[2], 1);
    ASSERT_EQ(pair.marks[3], 0) << "the end";
    for (std::size_t t = 0; t < 3; ++t) places[t] += pair.marks[t];
  }
  for (const int count : places) EXPECT_GT(count, 10) << "any of them";
}

TEST_F(MaskedText, IsAFunctionOfSeedAndStepAndHeldOutPiecesOfNeither) {
  const std::string file = folder_.write("text", some_words(300));
  const MaskedTextDataset one = masked(file, 10), other = masked(file, 10);
  const auto sources = [](const MaskedTextDataset& data, std::uint64_t seed, std::uint64_t step) {
    Batch batch(BatchLayout::encoder_decoder);
    batch.reserve(4, data.shape());
    data.fill_training_batch(seed, step, 4, batch);
    std::vector<std::int32_t> ids;
    for (std::int64_t b = 0; b < 4; ++b) {
      for (std::int64_t t = 0; t < 10; ++t) ids.push_back(batch.source()(t, b));
    }
    return ids;
  };
  sources(other, 7, 50);
  EXPECT_EQ(sources(one, 1, 3), sources(other, 1, 3));
  EXPECT_NE(sources(one, 1, 3), sources(one, 1, 4));
  EXPECT_NE(sources(one, 1, 3), sources(one, 2, 3));
  // A piece that comes again in the next epoch is masked anew.
  EXPECT_EQ(one.example(Split::test, 1).source, other.example(Split::test, 1).source);
  EXPECT_EQ(one.digest(), other.digest());
  EXPECT_NE(one.digest(), masked(file, 10, {.share = 0.2}).digest());
}

// The baseline by hand: the most frequent training word, and minus the mean logarithm of frequencies.
TEST_F(MaskedText, SaysWhatFrequencyAloneIsWorth) {
  const std::string train = folder_.write("train", "a a a b");
  const std::string valid = folder_.write("valid", "a b b a b");
  const MaskedTextDataset data = masked(train, 5, {.share = 1}, {.valid = valid});
  ASSERT_EQ(data.notes().size(), 2U);
  EXPECT_THAT(data.notes()[0], HasSubstr("4 words and ends of lines to train on, 2 of them different"));
  const double loss = -(2 * std::log(0.75) + 3 * std::log(0.25)) / 5;
  EXPECT_THAT(data.notes()[1], HasSubstr("\"a\" everywhere, validation accuracy at hidden tokens is 0.4000"));
  EXPECT_THAT(data.notes()[1], HasSubstr("the loss there " + std::to_string(loss).substr(0, 5)));
}

TEST_F(MaskedText, PeopleWriteAMaskAsItIsCalled) {
  DataOptions options;
  const LineFormat format = find_source("masked-text").lines(options);
  EXPECT_THAT(format.filled_in({"to", "<mask>", "or", "<mask>"}, {"x", "be", "y"}),
              ElementsAre("to", "be", "or", "<mask>"));
  const auto words = [&](Tokenizer tokenizer, const std::string& line) {
    options.text.tokenizer = tokenizer;
    return find_source("masked-text").lines(options).words(line);
  };
  EXPECT_THAT(words(Tokenizer::characters, "t <mask>b<mask>"), ElementsAre("t", " ", "<mask>", "b", "<mask>"));
  EXPECT_THAT(words(Tokenizer::words, "to <mask> or <b> <mask"),
              ElementsAre("to", "<mask>", "or", "<", "b", ">", "<", "mask"));
}

TEST_F(MaskedText, RefusesWhatCannotBe) {
  const std::string file = folder_.write("text", "a b c");
  EXPECT_THAT([&] { masked(file, 2, {.hidden = 0.8, .random = 0.3}); },
              ThrowsMessage<ConfigError>(HasSubstr("mask-hidden: 0.8 and mask-random 0.3 are more than 1 together")));
  EXPECT_THAT([&] { masked(file, 2, {.share = 0}); },
              ThrowsMessage<ConfigError>(HasSubstr("mask-share: must be more than 0")));
  EXPECT_THAT([&] { masked(folder_.write("blank", ""), 2); },
              ThrowsMessage<DataError>(HasSubstr("blank: holds no text")));
  EXPECT_THAT([&] { masked("", 2); }, ThrowsMessage<ConfigError>(HasSubstr("text: a file of text is needed")));
  const Vocabularies plain{Vocabulary({"a"}), Vocabulary({"a"})};
  EXPECT_THAT([&] { MaskedTextDataset({.text = file}, {}, {}, plain); },
              ThrowsMessage<DataError>(HasSubstr("words that have no <mask>")));
  const MaskedTextDataset untrained({}, {.test = file}, {},
                                    Vocabularies{Vocabulary({"a", "<mask>"}), Vocabulary({"a", "<mask>"})});
  EXPECT_EQ(untrained.size(Split::test), 1);
}

}  // namespace
}  // namespace tapehead
