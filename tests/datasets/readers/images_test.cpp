#include "datasets/readers/images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "datasets/readers/inflated.hpp"
#include "datasets/source.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Images : public testing::Test {
 protected:
  Images() { fs::create_directories(folder_); }
  ~Images() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& content) const {
    std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  fs::path folder_ = fs::temp_directory_path() / ("tapehead_images" + std::to_string(::getpid()));
};

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// A file of the IDX form.
std::string idx(const std::vector<std::uint32_t>& sizes, const std::string& bytes, char type = 8) {
  std::string text{'\0', '\0', type, static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(size >> shift);
  }
  return text + bytes;
}

std::vector<std::string> classes(const ImageDataset& data, Split split) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < data.size(split); ++i) {
    names.push_back(data.target_vocabulary().words_of(data.example(split, i).target).at(0));
  }
  return names;
}

constexpr const char* kThree = "0,1,2,3,a\n4,5,6,7,b\n8,8,8,8,a\n";

TEST_F(Images, OfCsvHaveTheirClassLastOrFirstAndMayHaveTitles) {
  const std::string last = file("last.csv", kThree);
  const std::string first = file("first.csv", "label,p1,p2,p3,p4\r\na,0,1,2,3\r\n\r\nb, 4,5 ,6,7\r\na,8,8,8,8");
  const ImageOptions options{.patch = "1x1"};
  const ImageDataset data({.train = last, .test = last}, options);
  ImageOptions turned = options;
  turned.label = "first";
  const ImageDataset same({.train = first, .test = first}, turned);
  for (const ImageDataset* each : {&data, &same}) {
    EXPECT_EQ(each->size(Split::test), 3);
    EXPECT_EQ(each->size(Split::validation), 0);
    EXPECT_THAT(classes(*each, Split::test), ElementsAre("a", "b", "a"));
    EXPECT_THAT(each->target_vocabulary().words(), ElementsAre("a", "b"));
    EXPECT_THAT(each->example(Split::test, 1).features, ElementsAre(0.5F, 0.625F, 0.75F, 0.875F));
  }
  EXPECT_EQ(data.digest(), same.digest());
  EXPECT_EQ(same.place(Split::test, 1), first + ":4");
  const auto& shape = data.shape();
  EXPECT_FALSE(shape.has_source);
  EXPECT_FALSE(shape.ends);
  EXPECT_TRUE(data.asks());
  EXPECT_EQ(shape.target, 1);
  EXPECT_EQ(shape.channels, 1);
  EXPECT_EQ(shape.features, 4);
  EXPECT_EQ(shape.grid_rows, 2);
  EXPECT_TRUE(data.slices().empty()) << "names are no numbers";
}

TEST_F(Images, ClassesThatAreNumbersStandInTheirOrderAndMakeSlices) {
  const std::string name = file("t.csv", "1,10\n2,9\n3,-1\n4,9\n");
  const ImageDataset data({.train = name, .test = name}, {.patch = "1x1"});
  EXPECT_THAT(data.target_vocabulary().words(), ElementsAre("-1", "9", "10"));
  ASSERT_EQ(data.slices().size(), 1U);
  EXPECT_EQ(data.slices()[0].of(data.example(Split::test, 0)), 10);
  EXPECT_EQ(data.slices()[0].of(data.example(Split::test, 2)), -1);
}

// Of every size that fills an image: pixel (r, c) stands in patch (r / h, c / w), at (r mod h, c mod w).
TEST(ImagePatches, AreCutAndJoinedAsPlainLoopsSay) {
  for (const ImageSize& patch : {ImageSize{1, 1}, ImageSize{2, 3}, ImageSize{1, 6}, ImageSize{4, 2}, ImageSize{4, 6}}) {
    const ImagePatches patches({4, 6}, patch);
    std::vector<float> pixels(24);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i);
    std::vector<float> features(24, -1), joined(24, -1);
    patches.cut(pixels, features);
    std::size_t at = 0;
    for (std::int64_t top = 0; top < 4; top += patch.height) {
      for (std::int64_t left = 0; left < 6; left += patch.width) {
        for (std::int64_t r = top; r < top + patch.height; ++r) {
          for (std::int64_t c = left; c < left + patch.width; ++c) {
            EXPECT_EQ(features[at++], static_cast<float>(6 * r + c)) << to_string(patch);
          }
        }
      }
    }
    patches.join(features, joined);
    EXPECT_EQ(joined, pixels) << to_string(patch);
  }
  EXPECT_THAT(
      [] {
        ImagePatches({8, 8}, {3, 4});
      },
      ThrowsMessage<ConfigError>("patch: patches of 3x4 do not fill an image of 8x8; take divisors of its sides"));
}

TEST_F(Images, OfIdxFilesAreThoseOfCsvPackedOrNot) {
  const std::string pixels{"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x08\x08\x08", 12};
  const std::string labels{"\x07\x09\x07"};
  const std::string images = idx({3, 2, 2}, pixels);
  const std::string marks = idx({3}, labels);
  const std::string plain = file("images", images) + "," + file("labels", marks);
  const std::string packed = file("images.gz", gzipped(images)) + "," + file("labels.gz", gzipped(marks));
  const std::string members =
      file("two.gz", gzipped(images.substr(0, 7)) + gzipped(images.substr(7))) + "," + file("labels", marks);
  const std::string csv = file("t.csv", "0,1,2,3,7\n4,5,6,7,9\n8,8,8,8,7\n");
  const std::string csv_packed = file("t.csv.gz", gzipped("0,1,2,3,7\n4,5,6,7,9\n8,8,8,8,7\n"));
  const ImageOptions options{.patch = "2x1", .pixel_max = 255};
  const ImageDataset expected({.train = csv, .test = csv}, options);
  for (const std::string& name : {plain, packed, members, csv_packed}) {
    const ImageDataset data({.train = name, .test = name}, options);
    EXPECT_EQ(data.digest(), expected.digest()) << name;
    EXPECT_EQ(data.example(Split::test, 1).features, expected.example(Split::test, 1).features) << name;
  }
  EXPECT_EQ(ImageDataset({.train = plain, .test = plain}, options).place(Split::test, 2),
            (folder_ / "images").string() + ": image 3");
}

// What was left to the data, so that it can be written down: a square, and what becomes 1.
TEST_F(Images, SayWhatTheyFoundOut) {
  const auto found = [](const ImageDataset& data) {
    std::vector<std::string> all;
    for (const auto& [name, value] : data.found_options()) all.push_back(name + " " + value);
    return all;
  };
  const std::string csv = file("t.csv", kThree);
  const std::string idx_files =
      file("i", idx({2, 1, 2}, std::string("\x01\x02\x03\x04"))) + "," + file("l", idx({2}, std::string("\x01\x02")));
  EXPECT_THAT(found(ImageDataset({.train = csv}, {.patch = "1x1"})), ElementsAre("image 2x2", "pixel-max 8"));
  EXPECT_THAT(found(ImageDataset({.train = csv}, {.image = "1x4", .patch = "1x2", .pixel_max = 16})),
              ElementsAre("image 1x4", "pixel-max 16"));
  EXPECT_THAT(found(ImageDataset({.train = idx_files}, {.patch = "1x2"})), ElementsAre("image 1x2", "pixel-max 255"));
}

TEST_F(Images, WhatIsNoImageIsRefusedByFileAndLine) {
  const auto csv = [&](const std::string& text, const ImageOptions& options = {.patch = "1x1"}) {
    const std::string name = file("bad.csv", text);
    ImageDataset({.train = name}, options);
  };
  const auto refused = [&](const std::string& text, const std::string& message,
                           const ImageOptions& options = {.patch = "1x1"}) {
    EXPECT_THAT([&] { csv(text, options); }, ThrowsMessage<Error>(HasSubstr(message))) << text;
  };
  refused("0,1,2,3,a\n4,5,6,b\n", "bad.csv:2: has 3 pixels, and an image of 2x2 has 4");
  refused("0,1,2,3,a\n4,5,6,7,8,b\n", "bad.csv:2: has 5 pixels, and an image of 2x2 has 4");
  refused("0,1,2,a\n", "bad.csv:1: has 3 pixels, which make no square; say with --image HxW");
  refused("0,1,2,3,a\n", "bad.csv:1: has 4 pixels, and an image of 1x2 has 2", {.image = "1x2", .patch = "1x1"});
  refused("0,1,2,3,a\n0,-1,2,3,b\n", "bad.csv:2: pixel 2 is \"-1\", not a number from 0 on");
  refused("0,1,2,3,a\n0,,2,3,b\n", "bad.csv:2: pixel 2 is \"\", not a number");
  refused("0,1,2,3,a\n0,nan,2,3,b\n", "bad.csv:2: pixel 2 is \"nan\", not a number");
  refused("0,1,2,3,a\n0,inf,2,3,b\n", "bad.csv:2: pixel 2 is \"inf\", not a number");
  refused("0,1,2,3,a\n0,0x1,2,3,b\n", "bad.csv:2: pixel 2 is \"0x1\", not a number");
  refused("0,1,2,3,a\n0,1,2,17,b\n", "bad.csv:2: a pixel of 17 is more than the largest, 16; --pixel-max",
          {.patch = "1x1", .pixel_max = 16});
  refused("0,1,2,3,a\n0,1,2,3,\n", "bad.csv:2: the last field, the class, is empty; --label");
  refused("a\n", "bad.csv:1: has no pixels; expected numbers and a class");
  refused("0,0,0,0,a\n0,0,0,0,b\n", "bad.csv: every pixel is 0");
  refused("0,1,2,3,a\n1,1,2,3,a\n", "bad.csv: every image is of class a, so there is nothing to tell apart; --label");
  refused("", "bad.csv: holds no images");
  refused("label,p,p,p,p\n", "bad.csv: holds no images");
  refused("0,1,2,3,a\n4,5,6,7,b\n", "patch: patches of 4x4 do not fill an image of 2x2", {});
  EXPECT_THAT([&] { ImageDataset({.train = (folder_ / "none.csv").string()}, {}); },
              ThrowsMessage<DataError>(HasSubstr("none.csv")));
  // Of other splits the classes and the largest pixel are those of the training file.
  const std::string train = file("train.csv", kThree);
  EXPECT_THAT([&] { ImageDataset({.train = train, .test = file("t.csv", "1,1,1,1,c\n")}, {.patch = "1x1"}); },
              ThrowsMessage<DataError>(HasSubstr("t.csv:1: class c is none of the training images'")));
  EXPECT_THAT([&] { ImageDataset({.train = train, .test = file("t.csv", "1,1,1,9,a\n")}, {.patch = "1x1"}); },
              ThrowsMessage<DataError>(HasSubstr("t.csv:1: a pixel of 9 is more than the largest, 8")));
  EXPECT_THAT([&] { ImageDataset({.train = train, .test = file("t.csv", "1,a\n")}, {.patch = "1x1"}); },
              ThrowsMessage<DataError>(HasSubstr("t.csv:1: has 1 pixel, and an image of 2x2 has 4")));
}

TEST_F(Images, WhatIsNoIdxFileIsRefusedByName) {
  const std::string labels = file("labels", idx({2}, "ab"));
  const auto refused = [&](const std::string& images, const std::string& message, const std::string& with = {}) {
    const std::string name = file("images", images) + "," + (with.empty() ? labels : with);
    EXPECT_THAT([&] { ImageDataset({.train = name}, {.patch = "1x1"}); }, ThrowsMessage<DataError>(HasSubstr(message)))
        << message;
  };
  refused("", "images: ends amid its first bytes; it is no IDX file");
  refused(idx({2, 1}, "ab"), "images: is not an IDX file of images: it begins with 00 00 08 02, not 00 00 08 03");
  refused(idx({2, 1, 1}, "ab", 9), "begins with 00 00 09 03");
  refused(idx({2, 1, 1}, "abc"), "images: holds more than the 2 x 1 x 1 that it says");
  refused(idx({2, 1, 1}, "a"), "images: ends 1 byte before the 2 x 1 x 1 that it says");
  refused(idx({2, 0, 1}, ""), "images: its images have no pixels");
  refused(idx({3, 1, 1}, "abc"), "has 3 images and " + labels + " has 2 labels; one belongs to another file");
  refused(idx({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "abc"),
          "says that it has 4294967295 x 4294967295 x 4294967295, more than 268435456 bytes");
  refused(idx({2, 1, 1}, "ab"), "images: is not an IDX file of labels", (folder_ / "images").string());
  const std::string packed = gzipped(idx({2, 16, 16}, std::string(512, 'x')));
  refused(packed.substr(0, packed.size() - 9), "images: the compressed data are cut off");
  std::string damaged = packed;
  damaged[packed.size() - 8] = static_cast<char>(damaged[packed.size() - 8] + 1);  // its check
  refused(damaged, "images: the compressed data are damaged");
  EXPECT_THAT(
      [&] {
        ImageDataset({.train = file("i", idx({2, 1, 2}, "abcd")) + "," + labels}, {.image = "2x1", .patch = "1x1"});
      },
      ThrowsMessage<DataError>(HasSubstr("its images are 1x2, and 2x1 are expected")));
}

// A small file that becomes a large one takes no memory, and has an end.
TEST_F(Images, WhatIsDecompressedIsBounded) {
  const std::string packed = gzipped(std::string(std::size_t{1} << 22U, '\n'));
  ASSERT_LT(packed.size(), 10000U);
  InflatedFile source(file("bomb", packed), 1000000);
  std::string block(4096, ' ');
  std::uint64_t given = 0;
  EXPECT_THAT(
      [&] {
        while (const std::size_t found = source.read(block)) given += found;
      },
      ThrowsMessage<DataError>(HasSubstr("bomb: becomes more than 1000000 bytes when it is decompressed")));
  EXPECT_LE(given, 1000000U);
  EXPECT_GT(given, 900000U);
}

// Some hundred small images, of which a few are equal.
std::string many(std::uint64_t seed, int count) {
  const RandomStream random(seed, Purpose::test);
  std::string text;
  for (int i = 0; i < count; ++i) {
    for (std::uint32_t p = 0; p < 4; ++p) {
      text += std::to_string(random.below(p == 0 ? 200 : 2, static_cast<std::uint32_t>(i), p)) + ",";
    }
    text += i % 2 == 0 ? "even\n" : "odd\n";
  }
  return text;
}

TEST_F(Images, ShareOutTheTrainingFileByWhatTheyLookLike) {
  const std::string name = file("t.csv", many(1, 1000));
  const ImageOptions options{.patch = "2x2", .pixel_max = 200, .validation = 200, .test = 100};
  const ImageDataset data({.train = name}, options);
  EXPECT_GE(data.size(Split::validation), 200) << "and those that look like the last one";
  EXPECT_LT(data.size(Split::validation), 210);
  EXPECT_GE(data.size(Split::test), 100);
  EXPECT_LT(data.size(Split::test), 110);
  const auto looks = [](const ImageDataset& of, Split split) {
    std::set<std::vector<float>> all;
    for (std::int64_t i = 0; i < of.size(split); ++i) all.insert(of.example(split, i).features);
    return all;
  };
  std::set<std::vector<float>> trained;
  Batch batch;
  batch.reserve(50, data.shape());
  for (std::uint64_t step = 1; step <= 60; ++step) {
    data.fill_training_batch(1, step, 50, batch);
    for (std::int64_t b = 0; b < 50; ++b) {
      const float* x = batch.view().features().column(0, b);
      trained.insert({x, x + 4});
    }
  }
  const auto validation = looks(data, Split::validation);
  const auto test = looks(data, Split::test);
  EXPECT_LT(std::ssize(validation), data.size(Split::validation)) << "some are equal, or this shows nothing";
  for (const auto& image : validation) EXPECT_FALSE(test.contains(image) || trained.contains(image));
  for (const auto& image : test) EXPECT_FALSE(trained.contains(image));
  // The order of the file plays no part.
  std::string turned;
  std::istringstream lines(many(1, 1000));
  for (std::string line; std::getline(lines, line);) turned.insert(0, line + "\n");
  EXPECT_EQ(looks(ImageDataset({.train = file("turned.csv", turned)}, options), Split::validation), validation);

  EXPECT_THAT(
      [&] { ImageDataset({.train = name, .valid = name}, options); },
      ThrowsMessage<ConfigError>("validation-size: --valid names a file of such images; leave one of the two out"));
  EXPECT_THAT(
      [&] { ImageDataset({.train = name}, {.patch = "2x2", .validation = 500, .test = 500}); },
      ThrowsMessage<DataError>(HasSubstr("t.csv: of 1000 images none is left to train on; lower validation-size")));
  EXPECT_THAT(
      [&] {
        ImageDataset({.train = ""}, options, Vocabularies{{}, Vocabulary({"even", "odd"})});
      },
      ThrowsMessage<DataError>(HasSubstr("such images stand in the training file, and there is none")));
}

TEST_F(Images, OfAStepAreAFunctionOfSeedAndStepAndAnEpochHasEachOnce) {
  const ImageDataset data({.train = file("t.csv", many(3, 37))}, {.patch = "2x2"});
  const auto step = [&](std::uint64_t seed, std::uint64_t number) {
    Batch batch;
    batch.reserve(37, data.shape());
    data.fill_training_batch(seed, number, 37, batch);
    EXPECT_EQ(batch.counted_tokens(), 37);
    const float* x = batch.view().features().column(0, 0);
    return std::vector<float>(x, x + 4 * 37);
  };
  EXPECT_EQ(step(1, 2), step(1, 2));
  EXPECT_NE(step(1, 2), step(1, 3));
  EXPECT_NE(step(1, 2), step(2, 2));
  auto first = step(1, 1), second = step(5, 9);
  std::ranges::sort(first);
  std::ranges::sort(second);
  EXPECT_EQ(first, second);
}

// What somebody types is what a file has, without the class.
TEST_F(Images, AreReadFromLinesToo) {
  const std::string name = file("t.csv", kThree);
  const ImageDataset data({.train = name, .test = name}, {.patch = "2x1"});
  const DataSource& source = find_source("images");
  DataOptions options;
  options.images = {.image = "2x2", .patch = "2x1", .pixel_max = 8};
  const LineFormat lines = source.lines(options);
  EXPECT_EQ(lines.features("4,5,6,7"), data.example(Split::test, 1).features);
  EXPECT_EQ(lines.line(std::vector<std::string>{"b"}), "b");
  EXPECT_THAT(
      [&] { lines.features("4,5,6,7,2"); },
      ThrowsMessage<DataError>("the line has 5 pixels, and an image of 2x2 has 4; no class stands beside them"));
  EXPECT_THAT([&] { lines.features("4,5,6,9"); }, ThrowsMessage<DataError>(HasSubstr("the line: a pixel of 9")));
  EXPECT_THAT([&] { lines.features("4,5,6,x"); }, ThrowsMessage<DataError>(HasSubstr("pixel 4 is \"x\"")));
  EXPECT_EQ(source.shape(options).channels, data.shape().channels);
  EXPECT_EQ(source.shape(options).features, data.shape().features);
  EXPECT_EQ(source.shape(options).grid_rows, data.shape().grid_rows);
}

TEST(ImageSize, IsWrittenAsHeightAndWidth) {
  EXPECT_EQ(parse_image_size("28x4"), (ImageSize{28, 4}));
  for (const char* bad : {"", "8", "x8", "8x", "8x8x8", "0x8", "8x-1", "8 x8", "8x100000000000", "8X8"}) {
    EXPECT_THAT([&] { parse_image_size(bad); },
                ThrowsMessage<ConfigError>(AllOf(HasSubstr(std::string("\"") + bad + "\""), HasSubstr("such as 8x8"))))
        << bad;
  }
}

}  // namespace
}  // namespace tapehead
