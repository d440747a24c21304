#include "datasets/vocabularies/word_numbers.hpp"

#include <gtest/gtest.h>

namespace tapehead {
namespace {

TEST(WordNumbers, WordsAreNumberedAsTheyComeAndKeepTheirNumbers) {
  WordNumbers words;
  constexpr std::int32_t many = 5000;  // more than there are slots at first
  for (int round = 0; round < 2; ++round) {
    for (std::int32_t n = 0; n < many; ++n) ASSERT_EQ(words.number("w" + std::to_string(n)), n);
  }
  ASSERT_EQ(words.size(), many);
  for (std::int32_t n = 0; n < many; ++n) ASSERT_EQ(words.word(n), "w" + std::to_string(n));
}

TEST(WordNumbers, WordsThatBeginAlikeOrAreEmptyAreDifferent) {
  WordNumbers words;
  EXPECT_EQ(words.number("ab"), 0);
  EXPECT_EQ(words.number("a"), 1);
  EXPECT_EQ(words.number(""), 2);
  EXPECT_EQ(words.number("b"), 3);
  EXPECT_EQ(words.number(""), 2);
  EXPECT_EQ(words.word(2), "");
}

}  // namespace
}  // namespace tapehead
