#include "trainers/decoding/decoding.hpp"

#include <gtest/gtest.h>

#include "autograd/tape.hpp"
#include "layers/models/model.hpp"

namespace tapehead {
namespace {

using Ids = std::vector<std::int32_t>;

Model untrained(const std::string& kind) {
  return Model({.model = kind,
                .layers = 1,
                .heads = 2,
                .d_model = 8,
                .d_ff = 8,
                .max_positions = 16,
                .source_vocabulary = 12,
                .target_vocabulary = 12});
}

// What a model that has learnt nothing writes goes on until there is no room; a reader's answer must not hang on what
// else was asked at the same moment.
TEST(Decoding, AnOutputDoesNotDependOnTheOthersOfItsBatch) {
  const std::vector<Ids> sources{{5, 6}, {4, 5, 6, 7, 8, 9, 10, 11, 4}, {7, 7, 8, 9}};
  for (const char* kind : {"decoder", "transformer"}) {
    const Model model = untrained(kind);
    std::size_t longest = 0;
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      ParameterStore<double> parameters(model.layout());
      parameters.initialise(seed);
      Tape<double> tape(parameters);
      const auto together = decode<double>(model, tape, sources, {.max_length = 100});
      for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto alone = decode<double>(model, tape, std::span(&sources[i], 1), {.max_length = 100});
        EXPECT_EQ(together[i], alone[0]) << kind << " seed " << seed << " source " << i;
      }
      longest = std::max(longest, together[0].size());
    }
    // <s> 5 6 </s> and the output but for its last token fill the decoder; <s> and the same the transformer.
    EXPECT_EQ(longest, model.reads_source() ? 16U : 13U) << "some output must reach the end of the room";
  }
}

TEST(Decoding, StopsAtTheLengthAskedFor) {
  const Model model = untrained("decoder");
  ParameterStore<double> parameters(model.layout());
  parameters.values(*model.layout().find("output.bias")).begin()[7] = 1;  // else zeros: this token is the likeliest
  Tape<double> tape(parameters);
  const std::vector<Ids> sources{{5, 6}, {4, 5, 6, 7}};
  for (const std::size_t length : {0, 1, 5}) {
    const auto outputs = decode<double>(model, tape, sources, {.max_length = static_cast<std::int64_t>(length)});
    EXPECT_EQ(outputs, std::vector<Ids>(2, Ids(length, 7)));
  }
}

// The first source, start and end included, takes all positions and more.
TEST(Decoding, WithoutRoomTheOutputIsEmptyAndTheOthersAreNot) {
  const Model model = untrained("decoder");
  ParameterStore<double> parameters(model.layout());
  parameters.values(*model.layout().find("output.bias")).begin()[7] = 1;
  Tape<double> tape(parameters);
  const std::vector<Ids> sources{Ids(15, 5), {4, 5}};
  const auto outputs = decode<double>(model, tape, sources, {.max_length = 3});
  EXPECT_EQ(outputs, (std::vector<Ids>{{}, Ids(3, 7)}));
}

}  // namespace
}  // namespace tapehead
