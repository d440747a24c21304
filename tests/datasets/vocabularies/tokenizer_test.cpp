#include "datasets/vocabularies/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"
#include "autograd/base/text.hpp"

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

TEST(Tokenizer, KeepsNumbersWhole) {
  EXPECT_THAT(tokenize("2:30, 50,000 and 3.14."), ElementsAre("2:30", ",", "50,000", "and", "3.14", "."));
  EXPECT_THAT(tokenize(".5 1: a.1"), ElementsAre(".", "5", "1", ":", "a", ".", "1"));
}

TEST(Tokenizer, TypographicMarksAreMarks) {
  EXPECT_THAT(tokenize("«isn’t» “it”—so"), ElementsAre("«", "isn’t", "»", "“", "it", "”", "—", "so"));
}

// A word with a null in it would be cut short in a file that ends its texts with one.
TEST(Tokenizer, NoWordHoldsWhiteSpaceOrAControlCharacter) {
  for (const char* space : {"\x01", "\x1f", "\x7f", "\u0085", "\u2003", "\u2028", "\u200b", "\u3000", "\ufeff"}) {
    EXPECT_THAT(tokenize(std::string("a") + space + "b"), ElementsAre("a", "b"));
  }
  EXPECT_THAT(tokenize(std::string_view("a\0b", 3)), ElementsAre("a", "b"));
}

TEST(Tokenizer, JoinsAsPeopleWrite) {
  for (const char* line : {"I'm OK.", "Well-known, isn't it?", "Наред съм.", "Да, (не) така!",
                           "Meet me at 2:30 with $50,000.", "\"Who?\" \"Tom did.\"", "Аз съм \"за\".",
                           "„Здрасти“ – каза „той“…", "He said “yes” and “no”, and/or «oui».", "„Tak”, „nie”."}) {
    EXPECT_EQ(detokenize(tokenize(line)), line);
  }
}

TEST(Tokenizer, JoiningAndSplittingAgainGivesTheSameWords) {
  for (const char* line :
       {"the soldiers' food", "a - b -- c", "Кой , ти ?", "1 , 2", "x = (y + 1) * 2", "' \" “ ” ' \""}) {
    const std::vector<std::string> words = tokenize(line);
    EXPECT_EQ(tokenize(detokenize(words)), words) << line;
  }
}

TEST(Tokenizer, WhatNobodySeesMakesNoOtherWord) {
  EXPECT_THAT(tokenize("co\u00adop \u200eab\u200f wo\u2060rd \u202ax\u202c \u200e"),
              ElementsAre("coop", "ab", "word", "x"));
  EXPECT_THAT(tokenize("\u0627\u061c\u0628", Tokenizer::characters), ElementsAre("\u0627", "\u0628"));
  EXPECT_THAT(tokenize("\u0645\u06cc\u200c\u062e"), ElementsAre("\u0645\u06cc\u200c\u062e")) << "a joiner is spelling";
}

TEST(Tokenizer, BlankIsWhatHasNoTokens) {
  for (const char* line : {"", " ", "\t", "\u00a0\u3000", "\u200b", "\u200e", "\x01"}) {
    EXPECT_TRUE(is_blank(line)) << line;
    EXPECT_THAT(tokenize(line), IsEmpty());
    EXPECT_THAT(tokenize(line, Tokenizer::characters), IsEmpty());
  }
  for (const char* line : {"a", " .", "\u200e-"}) EXPECT_FALSE(is_blank(line)) << line;
}

TEST(Tokenizer, CharactersComeOneByOneWithSpacesBetweenWords) {
  EXPECT_THAT(tokenize("  7,5\u00a0\tкм ", Tokenizer::characters), ElementsAre("7", ",", "5", " ", "к", "м"));
  for (const char* line : {"50494", "I'm OK .", "\" so \" „“ 1 , 2", "日本 語"}) {
    EXPECT_EQ(detokenize(tokenize(line, Tokenizer::characters), Tokenizer::characters), line);
  }
}

TEST(Tokenizer, TokenizersHaveNames) {
  EXPECT_EQ(parse_tokenizer("word"), Tokenizer::words);
  EXPECT_EQ(parse_tokenizer("char"), Tokenizer::characters);
  EXPECT_THROW(parse_tokenizer("bpe"), ConfigError);
}

TEST(Tokenizer, NothingJoinsToNothing) { EXPECT_EQ(detokenize({}), ""); }

TEST(Tokenizer, KnowsUtf8) {
  EXPECT_TRUE(is_utf8("ъгъл …"));
  EXPECT_FALSE(is_utf8("\xc3"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));  // a surrogate
  EXPECT_FALSE(is_utf8("\xc0\xaf"));      // an overlong slash
}

}  // namespace
}  // namespace tapehead
