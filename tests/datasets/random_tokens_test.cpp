#include "datasets/random_tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Batch batch_of(const RandomTokens& data, bool has_encoder, std::uint64_t step) {
  Batch batch(batch_layout(data, has_encoder));
  batch.reserve(4, data.shape());
  data.fill_training_batch(1, step, 4, batch);
  return batch;
}

std::vector<std::int32_t> ids(const TokenView& view) {
  std::vector<std::int32_t> all;
  for (std::int64_t b = 0; b < view.examples; ++b) {
    for (std::int64_t t = 0; t < view.positions; ++t) all.push_back(view(t, b));
  }
  return all;
}

TEST(RandomTokens, FillTheLengthsThatWereAskedFor) {
  const RandomTokens alone({.vocabulary = 9, .target_length = 5});
  const Batch language = batch_of(alone, false, 1);
  EXPECT_EQ(language.layout(), BatchLayout::language);
  EXPECT_EQ(language.input().positions, 5);
  EXPECT_EQ(language.counted_tokens(), 20);

  const RandomTokens pairs({.vocabulary = 9, .source_length = 7, .target_length = 5});
  const Batch both = batch_of(pairs, true, 1);
  EXPECT_EQ(both.layout(), BatchLayout::encoder_decoder);
  EXPECT_EQ(both.source().positions, 7);
  EXPECT_EQ(both.input().positions, 5);
}

TEST(RandomTokens, AreAFunctionOfTheStep) {
  const RandomTokens data({.vocabulary = 50, .target_length = 20});
  EXPECT_EQ(ids(batch_of(data, false, 3).input()), ids(batch_of(data, false, 3).input()));
  EXPECT_NE(ids(batch_of(data, false, 3).input()), ids(batch_of(data, false, 4).input()));
}

TEST(RandomTokens, UseAllOfTheVocabularyAndNoReservedId) {
  const RandomTokens data({.vocabulary = 7, .target_length = 60});
  const Batch batch = batch_of(data, false, 1);
  std::set<std::int32_t> seen;
  for (std::int64_t b = 0; b < 4; ++b) {
    for (std::int64_t t = 1; t < 60; ++t) seen.insert(batch.input()(t, b));
  }
  EXPECT_EQ(seen, (std::set<std::int32_t>{4, 5, 6}));
}

TEST(RandomTokens, RefuseWhatCannotBeDrawn) {
  EXPECT_THAT([] { RandomTokens({.vocabulary = 4}); }, ThrowsMessage<ConfigError>(HasSubstr("take 5 or more")));
  EXPECT_THAT([] { RandomTokens({.target_length = 0}); }, ThrowsMessage<ConfigError>(HasSubstr("not 0 and 0")));
}

}  // namespace
}  // namespace tapehead
