#include "experiments/report/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

TEST(Table, NumbersStandRightWordsLeftAndNoLineEndsInSpaces) {
  Table table({"word", "number", ""});
  table.add({"да", "1", ""});
  table.add({"seven", "-12.5", "x"});
  EXPECT_EQ(table.text(),
            "word   number\n"
            "да          1\n"
            "seven   -12.5  x\n");
}

TEST(Table, WhereLinesAreShortHeadingsFoldAndTheLeastValuableColumnsGo) {
  Table table({"plateau-patience", "loss", "seconds"});
  table.add({"5", "0.1234 ± 0.0001", "12.5"});
  table.may_leave_out({"seconds", "loss"});
  EXPECT_EQ(table.text(42),
            "plateau-patience             loss  seconds\n"
            "               5  0.1234 ± 0.0001     12.5\n")
      << table.text(42);
  EXPECT_EQ(table.text(36),
            "plateau-\n"
            "patience             loss  seconds\n"
            "       5  0.1234 ± 0.0001     12.5\n");
  EXPECT_EQ(table.text(30),
            "plateau-\n"
            "patience             loss\n"
            "       5  0.1234 ± 0.0001\n"
            "(left out to fit 30 columns:\n"
            "seconds)\n");
}

TEST(Table, WordsAreWrappedInTheLastColumnAndCutElsewhere) {
  Table pairs;
  pairs.add({"advice", "none: the kernel suits the processor"});
  EXPECT_EQ(pairs.text(26),
            "advice  none: the kernel\n"
            "        suits the\n"
            "        processor\n");
  pairs.add({"checkpoint", "/a/path/that/stays/whole"});
  EXPECT_EQ(pairs.text(26),
            "advice\n"
            "  none: the kernel suits\n"
            "  the processor\n"
            "checkpoint\n"
            "  /a/path/that/stays/whole\n");
  Table words({"name", "x"});
  words.add({"encoder.layers.0.attention", "1"});
  EXPECT_EQ(words.text(16),
            "name           x\n"
            "encoder.laye…  1\n");
}

TEST(Table, ALastCellThatHasNoRoomStandsBelow) {
  Table table;
  table.add({"loss", "0.5", "nats a token"});
  table.add({"too long", "12"});
  EXPECT_EQ(table.text(24),
            "loss      0.5\n"
            "    nats a token\n"
            "too long   12\n");
  EXPECT_EQ(table.text(60),
            "loss      0.5  nats a token\n"
            "too long   12\n");
}

TEST(Table, WideCharactersAndCombiningMarksKeepTheColumns) {
  Table table;
  table.add({"日本", "x"});
  table.add({"cafe\u0301", "y"});
  EXPECT_EQ(table.text(), "日本  x\ncafe\u0301  y\n");
}

TEST(Table, CsvQuotesWhatNeedsIt) {
  Table table({"a", "b"});
  table.add({"1,2", "say \"x\""});
  EXPECT_EQ(table.csv(), "a,b\n\"1,2\",\"say \"\"x\"\"\"\n");
}

TEST(OneLine, MakesAnythingFitToBeShown) {
  EXPECT_EQ(one_line("as it is: ъ…"), "as it is: ъ…");
  EXPECT_EQ(one_line("a\nb\tc\x1b[31m"), "a b c\\x1b[31m");
  EXPECT_EQ(one_line(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(one_line("caf\xe9 and"), "caf� and");
  EXPECT_EQ(one_line("abcdefghijklmnopqrstuvwxyz", 9), "abcde…xyz");
  EXPECT_EQ(text_width(one_line(std::string(1000000, 'x'))), 1000U);
}

TEST(Wrapped, BreaksAtSpacesAndKeepsLongWords) {
  EXPECT_EQ(wrapped("one two three", 20), "one two three");
  EXPECT_EQ(wrapped("one two three", 8), "one two\nthree");
  EXPECT_EQ(wrapped("  --name  what it does", 14, 4), "  --name  what\n    it does");
  EXPECT_EQ(wrapped("see /a/long/path/indeed here", 8, 2), "see\n  /a/long/path/indeed\n  here");
  EXPECT_EQ(wrapped("дадада нет", 6), "дадада\nнет");
  EXPECT_EQ(wrapped("", 6), "");
}

TEST(TextWidth, CountsCharactersNotBytes) {
  EXPECT_EQ(text_width("Здрасти"), 7U);
  EXPECT_EQ(shortened("Здрасти", 4), "Здр…");
  EXPECT_EQ(shortened("Здрасти", 7), "Здрасти");
  EXPECT_EQ(padded_left("да", 4), "  да");
}

}  // namespace
}  // namespace tapehead
