#include "datasets/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using Ids = std::vector<std::int32_t>;

constexpr std::int32_t kP = kPadding;
constexpr std::int32_t kS = kStart;
constexpr std::int32_t kE = kEnd;

// The columns of a view, each with all its positions.
std::vector<Ids> columns(const TokenView& view) {
  std::vector<Ids> found;
  for (std::int64_t b = 0; b < view.examples; ++b) {
    Ids& column = found.emplace_back();
    for (std::int64_t t = 0; t < view.positions; ++t) column.push_back(view(t, b));
  }
  return found;
}

Ids lengths(const TokenView& view) { return {view.lengths, view.lengths + view.examples}; }

// Three pairs: a longer source, a longer target, one of each length one.
void fill(Batch& batch) {
  batch.append(Ids{10, 11, 12}, Ids{20});
  batch.append(Ids{13}, Ids{21, 22});
  batch.append(Ids{14}, Ids{23});
}

TEST(Batch, EncoderDecoderColumns) {
  Batch batch(BatchLayout::encoder_decoder);
  batch.reserve(3, 5, 6);
  fill(batch);
  EXPECT_THAT(columns(batch.source()), ElementsAre(Ids{10, 11, 12, kE}, Ids{13, kE, kP, kP}, Ids{14, kE, kP, kP}));
  EXPECT_THAT(columns(batch.input()), ElementsAre(Ids{kS, 20, kP}, Ids{kS, 21, 22}, Ids{kS, 23, kP}));
  EXPECT_THAT(columns(batch.expected()), ElementsAre(Ids{20, kE, kP}, Ids{21, 22, kE}, Ids{23, kE, kP}));
  EXPECT_THAT(lengths(batch.source()), ElementsAre(4, 2, 2));
  EXPECT_THAT(lengths(batch.input()), ElementsAre(2, 3, 2));
  EXPECT_THAT(lengths(batch.expected()), ElementsAre(2, 3, 2));
  EXPECT_EQ(batch.examples(), 3);
  EXPECT_EQ(batch.counted_tokens(), 7);
}

TEST(Batch, DecoderOnlyColumns) {
  Batch batch(BatchLayout::decoder_only);
  batch.reserve(3, 5, 6);
  fill(batch);
  EXPECT_EQ(batch.source().examples, 0);
  EXPECT_THAT(columns(batch.input()),
              ElementsAre(Ids{kS, 10, 11, 12, kE, 20}, Ids{kS, 13, kE, 21, 22, kP}, Ids{kS, 14, kE, 23, kP, kP}));
  // At the source's </s> the target begins; before it nothing is asked.
  EXPECT_THAT(columns(batch.expected()),
              ElementsAre(Ids{kP, kP, kP, kP, 20, kE}, Ids{kP, kP, 21, 22, kE, kP}, Ids{kP, kP, 23, kE, kP, kP}));
  EXPECT_THAT(lengths(batch.input()), ElementsAre(6, 5, 4));
  EXPECT_THAT(lengths(batch.expected()), ElementsAre(6, 5, 4));
  EXPECT_EQ(batch.counted_tokens(), 7);
}

TEST(Batch, LanguageColumns) {
  Batch batch(BatchLayout::language);
  batch.reserve(2, 0, 3);
  batch.append({}, Ids{20, 21, 22});
  batch.append({}, Ids{23});
  EXPECT_EQ(batch.source().examples, 0);
  EXPECT_THAT(columns(batch.input()), ElementsAre(Ids{kS, 20, 21, 22}, Ids{kS, 23, kP, kP}));
  EXPECT_THAT(columns(batch.expected()), ElementsAre(Ids{20, 21, 22, kE}, Ids{23, kE, kP, kP}));
  EXPECT_EQ(batch.counted_tokens(), 6);
}

TEST(Batch, ALanguageModelReadsNoSource) {
  Batch batch(BatchLayout::language);
  batch.reserve(1, 2, 2);
  EXPECT_THROW(batch.append(Ids{10}, Ids{20}), DataError);
}

TEST(Batch, CountedTokensAreTheExpectedOnesThatAreNotPadding) {
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    Batch batch(layout);
    batch.reserve(3, 5, 6);
    fill(batch);
    std::int64_t counted = 0;
    for (const Ids& column : columns(batch.expected())) counted += std::ssize(column) - std::ranges::count(column, kP);
    EXPECT_EQ(batch.counted_tokens(), counted);
  }
}

TEST(Batch, EmptySequencesStillHaveTheirMarks) {
  Batch batch;
  batch.reserve(1, 2, 2);
  batch.append(Ids{}, Ids{});
  EXPECT_THAT(columns(batch.source()), ElementsAre(Ids{kE}));
  EXPECT_THAT(columns(batch.input()), ElementsAre(Ids{kS}));
  EXPECT_THAT(columns(batch.expected()), ElementsAre(Ids{kE}));
}

TEST(Batch, ASliceIsCutToItsLongestExample) {
  Batch batch;
  batch.reserve(3, 5, 6);
  fill(batch);
  EXPECT_THAT(columns(batch.source().slice(1, 3)), ElementsAre(Ids{13, kE}, Ids{14, kE}));
  EXPECT_THAT(columns(batch.input().slice(1, 3)), ElementsAre(Ids{kS, 21, 22}, Ids{kS, 23, kP}));
  EXPECT_THAT(columns(batch.expected().slice(2, 3)), ElementsAre(Ids{23, kE}));
  EXPECT_THAT(lengths(batch.source().slice(1, 3)), ElementsAre(2, 2));
  EXPECT_THAT(columns(batch.source().slice(0, 3)), testing::ContainerEq(columns(batch.source())));
  EXPECT_EQ(batch.source().slice(1, 1).positions, 0);
}

TEST(Batch, ASliceOfASliceKeepsItsPlace) {
  Batch batch;
  batch.reserve(3, 5, 6);
  fill(batch);
  EXPECT_THAT(columns(batch.input().slice(1, 3).slice(1, 2)), ElementsAre(Ids{kS, 23}));
}

TEST(Batch, ClearedBatchesLeaveNoTrace) {
  Batch batch;
  batch.reserve(3, 5, 6);
  batch.append(Ids{10, 11, 12, 13, 14}, Ids{20, 21, 22, 23, 24, 25});
  const std::int32_t* memory = batch.source().ids;
  batch.clear();
  EXPECT_EQ(batch.examples(), 0);
  EXPECT_EQ(batch.counted_tokens(), 0);
  EXPECT_EQ(batch.source().positions, 0);
  fill(batch);
  EXPECT_THAT(columns(batch.source()), ElementsAre(Ids{10, 11, 12, kE}, Ids{13, kE, kP, kP}, Ids{14, kE, kP, kP}));
  EXPECT_THAT(columns(batch.expected()), ElementsAre(Ids{20, kE, kP}, Ids{21, 22, kE}, Ids{23, kE, kP}));
  EXPECT_EQ(batch.source().ids, memory);
}

TEST(Batch, MoreThanReservedIsRefused) {
  const auto refuses = [](BatchLayout layout, const Ids& source, const Ids& target) {
    Batch batch(layout);
    batch.reserve(2, 3, 2);
    EXPECT_THAT([&] { batch.append(source, target); },
                testing::ThrowsMessage<DataError>(testing::HasSubstr("exceeds the room reserved")));
    EXPECT_EQ(batch.examples(), 0);
    EXPECT_EQ(batch.source().examples, 0);
    EXPECT_EQ(batch.counted_tokens(), 0);
  };
  refuses(BatchLayout::encoder_decoder, {4, 4, 4, 4}, {5});
  refuses(BatchLayout::encoder_decoder, {4}, {5, 5, 5});
  refuses(BatchLayout::decoder_only, {4, 4, 4}, {5, 5, 5});
  refuses(BatchLayout::decoder_only, {4, 4, 4, 4}, {5, 5});

  Batch batch;
  batch.reserve(2, 3, 2);
  batch.append(Ids{4, 4, 4}, Ids{5, 5});
  batch.append(Ids{4, 4, 4}, Ids{5, 5});
  EXPECT_THROW(batch.append(Ids{4}, Ids{5}), DataError);
  EXPECT_EQ(batch.examples(), 2);
}

TEST(Batch, NothingFitsWithoutAReserve) {
  Batch batch;
  EXPECT_THROW(batch.append(Ids{}, Ids{}), DataError);
}

TEST(Batch, PositionsNeededAreThoseOfTheLongestColumn) {
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    for (const auto& [source, target] : {std::pair{3, 7}, std::pair{7, 3}}) {
      Batch batch(layout);
      batch.reserve(1, source, target);
      batch.append(Ids(static_cast<std::size_t>(source), 9), Ids(static_cast<std::size_t>(target), 9));
      EXPECT_EQ(positions_needed(layout, source, target), std::max(batch.source().positions, batch.input().positions));
    }
  }
}

}  // namespace
}  // namespace tapehead
