#include "autograd/base/lines.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "tests/support/folder.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

// Gives its text in pieces of a few bytes, as a pipe may, and then perhaps an error.
class Pieces : public ByteSource {
 public:
  Pieces(std::string text, std::size_t size, bool fails = false) : text_(std::move(text)), size_(size), fails_(fails) {}
  std::size_t read(std::span<char> into) override {
    const std::size_t count = std::min({size_, into.size(), text_.size() - at_});
    if (count == 0 && fails_) throw FileError("pieces: cannot be read", EIO);
    text_.copy(into.data(), count, at_);
    at_ += count;
    return count;
  }
  const std::string& name() const override { return name_; }

 private:
  std::string text_, name_ = "pieces";
  std::size_t size_, at_ = 0;
  bool fails_;
};

std::vector<std::string> lines_in(ByteSource& source, LineOptions options = {}) {
  LineReader reader(source, options);
  std::vector<std::string> lines;
  for (std::string_view line; reader.next(line);) lines.emplace_back(line);
  return lines;
}

// However the bytes come, the lines are the same.
std::vector<std::string> lines_of(const std::string& text, LineOptions options = {}) {
  TextSource whole(text);
  const std::vector<std::string> lines = lines_in(whole, options);
  for (std::size_t size : {1, 2, 3}) {
    Pieces pieces(text, size);
    EXPECT_EQ(lines_in(pieces, options), lines) << "in pieces of " << size;
  }
  return lines;
}

void refused(const std::string& text, const std::string& message, LineOptions options = {}) {
  TextSource source(text, "t.tsv");
  EXPECT_THAT([&] { lines_in(source, options); }, ThrowsMessage<DataError>(HasSubstr(message))) << text.substr(0, 50);
}

TEST(LineReader, TakesEveryKindOfLineEnd) {
  EXPECT_THAT(lines_of("a\tA\nb\n\nc\n"), ElementsAre("a\tA", "b", "", "c"));
  EXPECT_THAT(lines_of("a\r\nb\r\n\r\nc\r\n"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(lines_of("a\tA\rb\tB\rc\tC\r"), ElementsAre("a\tA", "b\tB", "c\tC"));
  EXPECT_THAT(lines_of("a\rb"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("\r\ra"), ElementsAre("", "", "a"));
  EXPECT_THAT(lines_of("a\nb\r\nc"), ElementsAre("a", "b", "c"));  // joined from two files
  EXPECT_THAT(lines_of("a\r\r\nb\r\r\n"), ElementsAre("a", "b"));  // converted twice
  EXPECT_THAT(lines_of("a\r"), ElementsAre("a"));
  EXPECT_THAT(lines_of("\r"), ElementsAre(""));
  EXPECT_THAT(lines_of(""), IsEmpty());
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
}

TEST(LineReader, MixedLineEndsAreRefusedWithTheirLine) {
  refused("a\nb\rc\nd\n", "t.tsv:2: some lines end with CR alone");
  refused("a\rb\nc\n", "t.tsv:1: some lines end with CR alone");
  refused("a\nb\rc", "t.tsv:2: some lines end with CR alone");
  Pieces late("a\rb\rc\nd\n", 2);  // known for CR before the LF came
  EXPECT_THAT([&] { lines_in(late); }, ThrowsMessage<DataError>(HasSubstr("pieces:3: some lines end with CR alone")));
}

TEST(LineReader, AByteOrderMarkIsNoPartOfTheText) {
  EXPECT_THAT(lines_of("\xef\xbb\xbf"
                       "a\nb\n"),
              ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("\xef\xbb\xbf\n"), ElementsAre(""));
  EXPECT_THAT(lines_of("\xef\xbb\xbf"), IsEmpty());
  refused(std::string("\xff\xfe"
                      "a\0\n\0",
                      6),
          "t.tsv: is UTF-16");
  refused(std::string("\xfe\xff\0a", 4), "t.tsv: is UTF-16");
}

TEST(LineReader, PackedFilesAreNamedWithWhatUnpacksThem) {
  refused("\x1f\x8b\x08\n\rab", "t.tsv: is packed, not text; unpack it first: gunzip");
  refused(
      "\xfd"
      "7zXZ",
      "unpack it first: unxz");
  refused("\x28\xb5\x2f\xfd\n", "unpack it first: unzstd");
  refused("BZh91AY", "unpack it first: bunzip2");
  refused("PK\x03\x04\n", "unpack it first: unzip");
}

TEST(LineReader, WhatIsNoTextIsRefusedWithItsLine) {
  refused("a\ncaf\xe9\n", "t.tsv:2: not valid UTF-8");
  refused(std::string("a\n\nb\0c\n", 7), "t.tsv:3: holds a null byte");
}

TEST(LineReader, GoesOnBehindALineThatWasRefused) {
  TextSource source("a\n\xff\nb\n");
  LineReader reader(source);
  std::string_view line;
  ASSERT_TRUE(reader.next(line));
  EXPECT_THROW(reader.next(line), DataError);
  EXPECT_FALSE(reader.ended());
  ASSERT_TRUE(reader.next(line));
  EXPECT_EQ(line, "b");
  EXPECT_EQ(reader.place(), "text:3");
  EXPECT_FALSE(reader.next(line));
  EXPECT_TRUE(reader.ended());
}

TEST(LineReader, LinesHaveALimit) {
  EXPECT_THAT(lines_of("12345\r\n1234\n", {.longest = 5}), ElementsAre("12345", "1234"));
  refused("123\n123456\n", "t.tsv:2: the line is longer than 5 bytes", {.longest = 5});
  refused("123456", "t.tsv:1: the line is longer than 5 bytes", {.longest = 5});
  refused(std::string(3000000, 'x'), "t.tsv:1: the line is longer than 1048576 bytes");
  refused(std::string(300000, '\r') + "\n", "t.tsv:300001: some lines end with CR alone");
}

TEST(LineReader, AnErrorOfReadingIsNotTheEnd) {
  Pieces source("a\nb\nhalf", 5, true);
  LineReader reader(source);
  std::string_view line;
  ASSERT_TRUE(reader.next(line));
  ASSERT_TRUE(reader.next(line));
  EXPECT_THAT([&] { reader.next(line); }, ThrowsMessage<FileError>(HasSubstr("Input/output error")));
  EXPECT_TRUE(reader.ended());
  EXPECT_FALSE(reader.next(line));
}

TEST(LineReader, EqualTextIsEqualBytes) {
  EXPECT_THAT(lines_of("caf\u00e9\ncafe\u0301\n"), ElementsAre("caf\u00e9", "caf\u00e9"));
  EXPECT_THAT(lines_of("cafe\u0301 \xe9\n", {.content = LineContent::raw}), ElementsAre("cafe\u0301 \xe9"));
}

TEST(LineReader, LongTextOverManyBlocks) {
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 40000; ++i) {
    expected.push_back("line " + std::to_string(i * 7919));
    text += expected.back() + (i % 2 == 0 ? "\n" : "\r\n");
  }
  const ScratchFolder folder;
  InputFile file(folder.write("long", text));
  EXPECT_EQ(lines_in(file), expected);
}

}  // namespace
}  // namespace tapehead
