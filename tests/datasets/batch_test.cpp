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

// Text that goes on: what stands before it is a token like any other, and its last token is no input.
TEST(Batch, DataThatGoOnHaveNeitherStartNorEnd) {
  Batch batch(BatchLayout::language);
  batch.reserve(2, {.has_source = false, .ends = false, .target = 3});
  const Ids first{20, 21, 22};
  const Ids next{23, 24};
  batch.append({.target = first});
  batch.append({.target = next, .before = 22});
  EXPECT_THAT(columns(batch.input()), ElementsAre(Ids{kS, 20, 21}, Ids{22, 23, kP}));
  EXPECT_THAT(columns(batch.expected()), ElementsAre(Ids{20, 21, 22}, Ids{23, 24, kP}));
  EXPECT_THAT(lengths(batch.input()), ElementsAre(3, 2));
  EXPECT_EQ(batch.counted_tokens(), 5);
  EXPECT_THROW(batch.append({.target = Ids{}}), DataError);
}

// A class to be said of a source is one token, with no end behind it.
TEST(Batch, ATargetWithoutAnEndStandsBesideOrBehindItsSource) {
  const Ids x{10, 11};
  const Ids y{20};
  const ExampleShape shape{.ends = false, .source = 2, .target = 1};
  Batch beside(BatchLayout::encoder_decoder);
  beside.reserve(1, shape);
  beside.append({.source = x, .target = y});
  EXPECT_THAT(columns(beside.source()), ElementsAre(Ids{10, 11, kE}));
  EXPECT_THAT(columns(beside.input()), ElementsAre(Ids{kS}));
  EXPECT_THAT(columns(beside.expected()), ElementsAre(Ids{20}));
  Batch joined(BatchLayout::decoder_only);
  joined.reserve(1, shape);
  joined.append({.source = x, .target = y});
  EXPECT_THAT(columns(joined.input()), ElementsAre(Ids{kS, 10, 11, kE}));
  EXPECT_THAT(columns(joined.expected()), ElementsAre(Ids{kP, kP, kP, 20}));
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    const Batch& batch = layout == BatchLayout::encoder_decoder ? beside : joined;
    EXPECT_EQ(positions_needed(layout, shape), std::max(batch.source().positions, batch.input().positions));
    EXPECT_EQ(batch.counted_tokens(), 1);
  }
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

// Data of every column: 2 channels, 3 classes.
ExampleShape everything() {
  return {
      .data = "task all", .source = 3, .target = 2, .has_positions = true, .channels = 2, .features = 3, .classes = 3};
}

Batch batch_of_everything(BatchLayout layout) {
  Batch batch(layout);
  batch.reserve(2, everything());
  const Ids x{10, 11};
  const Ids y{20, 21};
  const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const Ids positions{0, 5, 7};
  const std::vector<std::uint8_t> marks{0, 1, 0};
  batch.append({.source = x, .target = y, .features = numbers, .label = 2, .positions = positions, .marks = marks});
  batch.append({.source = x, .target = std::span(y).first(1), .features = std::span(numbers).first(2), .label = 1});
  return batch;
}

TEST(Batch, HasFeaturesAndLabelsBesideTokens) {
  const Batch batch = batch_of_everything(BatchLayout::encoder_decoder);
  const BatchView view = batch.view();
  const FeatureView& features = view.features();
  EXPECT_THAT((std::vector<std::int64_t>{features.channels, features.positions, features.examples}),
              ElementsAre(2, 3, 2));
  EXPECT_THAT((std::vector<std::int32_t>{features.lengths[0], features.lengths[1]}), ElementsAre(3, 1));
  std::vector<float> numbers;
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t t = 0; t < 3; ++t) numbers.insert(numbers.end(), {features(0, t, b), features(1, t, b)});
  }
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5, 6, 1, 2, 0, 0, 0, 0));
  EXPECT_EQ(view.labels()(0), 2);
  EXPECT_EQ(view.labels()(1), 1);
}

TEST(Batch, WhatIsMarkedNotToCountIsExpectedAsPadding) {
  for (const BatchLayout layout : {BatchLayout::encoder_decoder, BatchLayout::decoder_only}) {
    const Batch batch = batch_of_everything(layout);
    std::vector<Ids> expected = columns(batch.expected());
    for (Ids& column : expected) std::erase(column, kP);
    EXPECT_THAT(expected, ElementsAre(Ids{21}, Ids{20, kE}));
    EXPECT_EQ(batch.counted_tokens(), 3);
    EXPECT_EQ(batch.view().counted_tokens(), 3);
  }
}

TEST(Batch, PositionsAreCountedUnlessTheyAreGiven) {
  EXPECT_THAT(columns(batch_of_everything(BatchLayout::encoder_decoder).view().positions()),
              ElementsAre(Ids{0, 5, 7}, Ids{0, 1, 0}));
  // Those of the source go before: <s> x.
  EXPECT_THAT(columns(batch_of_everything(BatchLayout::decoder_only).view().positions()),
              ElementsAre(Ids{0, 1, 2, 3, 8, 10}, Ids{0, 1, 2, 3, 4, 0}));
}

TEST(Batch, ASliceOfAllColumnsIsCutToItsLongestExample) {
  const Batch batch = batch_of_everything(BatchLayout::encoder_decoder);
  const BatchView part = batch.view().slice(1, 2);
  EXPECT_EQ(part.examples(), 1);
  EXPECT_THAT(columns(part.input()), ElementsAre(Ids{kS, 20}));
  EXPECT_THAT(columns(part.expected()), ElementsAre(Ids{20, kE}));
  EXPECT_THAT(columns(part.source()), ElementsAre(Ids{10, 11, kE}));
  EXPECT_THAT(columns(part.positions()), ElementsAre(Ids{0, 1}));
  EXPECT_EQ(part.features().positions, 1);
  EXPECT_EQ(part.features()(1, 0, 0), 2);
  EXPECT_EQ(part.labels()(0), 1);
  EXPECT_EQ(part.batch_examples(), 2) << "of the whole batch";
  EXPECT_EQ(part.counted_tokens(), 3) << "of the whole batch";
}

template <class F>
std::string refusal(F call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Batch, WhatItDoesNotHaveIsRefusedByName) {
  Batch batch;
  batch.reserve(1, {.data = "task copy", .source = 2, .target = 2});
  batch.append(Ids{4}, Ids{4});
  const BatchView view = batch.view();
  EXPECT_EQ(refusal([&] { view.source(), view.input(), view.expected(); }), "taken");
  EXPECT_EQ(refusal([&] { view.features(); }),
            "this model reads `features`, and task copy has none; it has `source`, `input`, `expected`");
  EXPECT_EQ(refusal([&] { view.slice(0, 1).labels(); }),
            "this model reads `labels`, and task copy has none; it has `source`, `input`, `expected`");

  Batch one_sequence(BatchLayout::decoder_only);
  one_sequence.reserve(1, {.data = "task copy", .source = 2, .target = 2});
  EXPECT_EQ(refusal([&] { one_sequence.view().source(); }),
            "this model reads `source`, and task copy has none; it has `input`, `expected`");

  Batch numbers;
  numbers.reserve(1, {.data = "digits", .has_source = false, .has_target = false, .channels = 3, .features = 2});
  EXPECT_EQ(refusal([&] { numbers.view().input(); }),
            "this model reads `input`, and digits has none; it has `features`");
  EXPECT_EQ(numbers.input().examples, 0);
  numbers.append({.features = std::vector<float>(6)});
  EXPECT_EQ(numbers.examples(), 1);
  EXPECT_EQ(refusal([] { BatchView().input(); }), "this model reads `input`, and this batch has none; it has nothing");
}

TEST(Columns, AReaderIsTakenIfItsColumnsAreThere) {
  const ColumnSet pairs{Column::source, Column::input, Column::expected};
  EXPECT_EQ(refusal([&] { require_columns("model a", {Column::input}, "task copy", pairs); }), "taken");
  EXPECT_EQ(refusal([&] { require_columns("model a", {}, "task copy", {}); }), "taken");
  EXPECT_EQ(refusal([&] {
              require_columns("model a", {Column::input, Column::labels}, "task copy", pairs);
            }),
            "model a reads `labels`, and task copy has none; it has `source`, `input`, `expected`");
}

TEST(Batch, APartThatDoesNotFitLeavesTheBatchAsItWas) {
  const auto refuses = [](const ExampleView& example, const std::string& message) {
    Batch batch;
    batch.reserve(2, everything());
    EXPECT_THAT([&] { batch.append(example); }, testing::ThrowsMessage<DataError>(testing::HasSubstr(message)));
    EXPECT_EQ(batch.examples(), 0);
    EXPECT_EQ(batch.input().examples, 0);
    EXPECT_EQ(batch.counted_tokens(), 0);
  };
  const std::vector<float> numbers(20);
  refuses({.features = std::span(numbers).first(8)}, "example 0 has 8 numbers, and there is room for 3 positions of 2");
  refuses({.features = std::span(numbers).first(3)}, "example 0 has 3 numbers");
  refuses({.target = Ids{4}, .marks = std::vector<std::uint8_t>(3)}, "example 0 has 3 marks for a target of length 1");
  refuses({.target = Ids{4}, .positions = Ids{0}}, "example 0 has 1 positions for a target of length 1");
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

  Batch more = batch_of_everything(BatchLayout::encoder_decoder);
  more.clear();
  more.append({.target = Ids{20}, .features = std::vector<float>{7, 8}});
  EXPECT_THAT(columns(more.view().positions()), ElementsAre(Ids{0, 1}));
  EXPECT_EQ(more.view().features().positions, 1);
  EXPECT_EQ(more.view().features().lengths[0], 1);
  EXPECT_EQ(more.view().labels()(0), 0);
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
      EXPECT_EQ(positions_needed(layout, {.source = source, .target = target}),
                std::max(batch.source().positions, batch.input().positions));
    }
  }
}

}  // namespace
}  // namespace tapehead
