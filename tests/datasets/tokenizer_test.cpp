#include "datasets/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Tokenizer, SplitsMarksFromWordsAndKeepsApostrophesInside) {
  EXPECT_THAT(tokenize("I'm OK."), ElementsAre("I'm", "OK", "."));
  EXPECT_THAT(tokenize("  well-known,  isn't it?! "), ElementsAre("well-known", ",", "isn't", "it", "?", "!"));
  EXPECT_THAT(tokenize("'quoted' -5 a-"), ElementsAre("'", "quoted", "'", "-", "5", "a", "-"));
  EXPECT_THAT(tokenize("„Здрасти“ – каза той…"), ElementsAre("„", "Здрасти", "“", "–", "каза", "той", "…"));
  EXPECT_THAT(tokenize(" \t\xc2\xa0"), IsEmpty());
}

TEST(Tokenizer, JoinsAsPeopleWrite) {
  for (const char* line : {"I'm OK.", "Well-known, isn't it?", "Наред съм.", "Да, (не) така!"}) {
    EXPECT_EQ(detokenize(tokenize(line)), line);
  }
}

TEST(Tokenizer, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("ъгъл …"));
  EXPECT_FALSE(is_utf8("\xc3"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));  // a surrogate
  EXPECT_FALSE(is_utf8("\xc0\xaf"));      // an overlong slash
}

}  // namespace
}  // namespace tapehead
