// Positions that are drawn in training: what is drawn, and that every kind of positions stands where it says.

#include "layers/attention/drawn_positions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "autograd/base/errors.hpp"
#include "layers/attention/positions.hpp"
#include "layers/models/model.hpp"
#include "tests/support/built.hpp"
#include "tests/support/drawn.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using Places = std::vector<std::int32_t>;

constexpr Pass kTraining{.training = true, .seed = 9, .step = 4, .first_example = 3};

// Those of each example, without padding.
std::vector<Places> drawn(const std::vector<std::int32_t>& lengths, std::int64_t positions, std::int64_t range,
                          const Pass& pass) {
  Tape<double> tape;
  const auto examples = std::ssize(lengths);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(positions * examples), 5);
  const TokenView tokens{ids.data(), lengths.data(), positions, positions, examples};
  const Pass placed = with_drawn_positions(tape, tokens, range, pass);
  std::vector<Places> all;
  for (std::int64_t b = 0; b < examples; ++b) {
    Places& places = all.emplace_back();
    for (std::int64_t t = 0; t < lengths[static_cast<std::size_t>(b)]; ++t) places.push_back(placed.places(t, b));
    for (std::int64_t t = 0; t < positions; ++t) EXPECT_LT(placed.places(t, b), range);
  }
  return all;
}

TEST(DrawnPositions, AreSortedDifferentAndWithinTheRange) {
  for (const std::int64_t range : {30, 31, 500}) {
    for (const Places& places : drawn({30, 1, 17, 0}, 30, range, kTraining)) {
      EXPECT_TRUE(std::ranges::is_sorted(places, std::less_equal<>{}));
      for (const std::int32_t place : places) EXPECT_TRUE(place >= 0 && place < range);
    }
  }
  const Places all = drawn({30}, 30, 30, kTraining)[0];
  for (std::int32_t t = 0; t < 30; ++t) EXPECT_EQ(all[static_cast<std::size_t>(t)], t) << "there is one choice alone";
}

TEST(DrawnPositions, DependOnSeedStepExampleAndLengthAlone) {
  const Places places = drawn({12, 7}, 12, 100, kTraining)[1];
  EXPECT_EQ(drawn({7}, 40, 100, {.training = true, .seed = 9, .step = 4, .first_example = 4})[0], places)
      << "of another shard, among other padding";
  EXPECT_NE(drawn({7}, 7, 100, {.training = true, .seed = 9, .step = 4, .first_example = 5})[0], places);
  EXPECT_NE(drawn({7}, 7, 100, {.training = true, .seed = 9, .step = 5, .first_example = 4})[0], places);
  EXPECT_NE(drawn({7}, 7, 100, {.training = true, .seed = 8, .step = 4, .first_example = 4})[0], places);
}

TEST(DrawnPositions, EveryChoiceIsAlike) {
  // Three of six: twenty choices, 20,000 draws. Each share has a standard deviation of 31.
  std::map<Places, int> counts;
  const std::vector<std::int32_t> lengths(20000, 3);
  for (const Places& places : drawn(lengths, 3, 6, kTraining)) ++counts[places];
  EXPECT_EQ(counts.size(), 20);
  for (const auto& [places, count] : counts) EXPECT_NEAR(count, 1000, 5 * 31) << testing::PrintToString(places);
}

TEST(DrawnPositions, AreOfTrainingAlone) {
  Tape<double> tape;
  const std::int32_t ids[] = {5, 6}, lengths[] = {2};
  const TokenView tokens{ids, lengths, 2, 2, 1};
  EXPECT_EQ(with_drawn_positions(tape, tokens, 100, Pass{}).places.ids, nullptr);
  EXPECT_EQ(with_drawn_positions(tape, tokens, 0, kTraining).places.ids, nullptr);
  EXPECT_EQ(tape.node_count(), 0);
}

// A vector at place p is the one that a long sequence has at position p.
TEST(DrawnPositions, VectorsAreThoseOfThePlaces) {
  static constexpr std::int32_t kPlaces[] = {2, 5, 11, 0, 7, 8};
  for (const PositionKind kind : {PositionKind::sinusoidal, PositionKind::learned}) {
    const Built<Positions> built(kind, std::int64_t{4}, std::int64_t{12});
    ParameterStore<double> store(built.layout);
    fill(store, drawn_parameters(built.layout, 3));
    Tape<double> tape(store);
    const std::vector<double> zeros(4 * 12, 0.0);
    const auto longer = built.layer(tape.constant({4, 12}, zeros.data()));
    const auto placed = built.layer(tape.constant({4, 3, 2}, zeros.data()), {.places = {kPlaces, nullptr, 3, 3, 2}});
    for (std::int64_t i = 0; i < 24; ++i) {
      EXPECT_EQ(placed.data()[i], longer.data()[i % 4 + 4 * kPlaces[i / 4]]);
    }
  }
}

std::vector<double> logits(const ModelConfig& config, const TokenView& source, const TokenView& input,
                           const Pass& pass) {
  const Model model(config);
  ParameterStore<double> store(model.layout());
  // By name, so that tables of several lengths agree where both have a vector.
  for (const ParameterRange& range : model.layout().ranges()) {
    const auto numbers = drawn_numbers(range.shape.size(), std::hash<std::string>{}(range.name) % 1000);
    std::ranges::copy(numbers, store.values().data() + range.offset);
  }
  Tape<double> tape(store);
  const auto y = model.logits(tape, token_batch(source, input, source), pass);
  return {y.data(), y.data() + y.shape().size()};
}

// Every family places its tokens: in training other numbers come out than at consecutive positions, the same for the
// same step; outside of it the range changes nothing.
TEST(DrawnPositions, EveryFamilyTakesThemForEveryKindThatTheyMakeSenseFor) {
  const std::int32_t source_ids[] = {5, 6, 7, 2}, input_ids[] = {1, 5, 6, 7}, lengths[] = {4};
  const TokenView source{source_ids, lengths, 4, 4, 1}, input{input_ids, lengths, 4, 4, 1};
  for (const char* family : {"transformer", "decoder", "encoder"}) {
    for (const char* kind : {"sinusoidal", "learned", "rotary"}) {
      for (const char* mixer : {"attention", "retention"}) {
        SCOPED_TRACE(std::string(family) + " " + kind + " " + mixer);
        ModelConfig config{.model = family,
                           .layers = 1,
                           .heads = 2,
                           .d_model = 8,
                           .d_ff = 8,
                           .positions = kind,
                           .mixer = mixer,
                           .max_positions = 6,
                           .source_vocabulary = 9,
                           .target_vocabulary = 9};
        const auto plain = logits(config, source, input, kTraining);
        config.position_range = 60;
        const auto placed = logits(config, source, input, kTraining);
        EXPECT_NE(placed, plain);
        EXPECT_EQ(placed, logits(config, source, input, kTraining));
        Pass next = kTraining;
        ++next.step;
        EXPECT_NE(placed, logits(config, source, input, next));
        EXPECT_EQ(plain, logits(config, source, input, Pass{}));
      }
    }
  }
}

TEST(DrawnPositions, ARangeThatIsTooShortIsRefused) {
  ModelConfig config{.position_range = 99, .max_positions = 100};
  config.source_vocabulary = config.target_vocabulary = 9;
  EXPECT_THAT([&] { Model{config}; },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("position-range: 99 are fewer than the 100")));
}

}  // namespace
}  // namespace tapehead
