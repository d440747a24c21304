#include "autograd/base/text.hpp"

#include <gtest/gtest.h>

namespace tapehead {
namespace {

TEST(Nfc, ComposesWhatCanBeComposed) {
  EXPECT_EQ(to_nfc("cafe\u0301"), "caf\u00e9");
  EXPECT_EQ(to_nfc("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(to_nfc("\u0438\u0306"), "\u0439");          // Cyrillic и + breve
  EXPECT_EQ(to_nfc("\u1112\u1161\u11ab"), "\ud55c");    // Hangul
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5");                // the Ångström sign
  EXPECT_EQ(to_nfc("q\u0307\u0323"), "q\u0323\u0307");  // marks in one order
  EXPECT_EQ(to_nfc("\u00bd \ufb01"), "\u00bd \ufb01");  // but no compatibility: ½ and ﬁ stay
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_FALSE(is_nfc("e\u0301"));
  EXPECT_TRUE(is_nfc("\u00e9 ъгъл 漢字 …"));
}

TEST(Printable, LeavesWhatCanBeSeen) {
  for (const char* text : {"plain ~", "ъгъл …", "漢字", "\u05e9\u05dc\u05d5\u05dd", "👩\u200d🔬", "caf\u00e9"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, SpellsOutWhatActsUnseen) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("\x07\x08\x7f"), "\\x07\\x08\\x7f");
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("a\u009b31mb"), "a\\x9b31mb");
  for (const char* mark : {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069",
                           "\u200e", "\u200f", "\u061c"}) {
    EXPECT_EQ(printable(mark).substr(0, 2), "\\u") << mark;
  }
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
}

TEST(Printable, IsOneLineOfUtf8) {
  EXPECT_EQ(printable("a\nb\tc\rd\u2028e\u0085f"), "a b c d e f");
  EXPECT_EQ(printable("caf\xe9 and"), "caf\ufffd and");
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\ufffd31m");  // C1 as a bare byte
}

}  // namespace
}  // namespace tapehead
