// A layer with a mixer: what it shows to probes, what it refuses, and that padding is not read.

#include "layers/mixers/sequence_mixer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "layers/models/model.hpp"
#include "tests/support/built.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using Numbers = std::vector<double>;

SequenceMixer::Options options_of(const MixerSpec& spec) {
  return {.mixer = spec.name, .channels = 6, .sizes = {2, 3, 4}};
}

class SequenceMixers : public testing::TestWithParam<std::string> {
 protected:
  const MixerSpec& spec() const { return find_mixer(GetParam()); }
  // Masks that the mixer takes, of so many positions of two examples.
  std::vector<Mask> masks(const std::int32_t* lengths) const {
    std::vector<Mask> masks{Mask(Lengths{lengths}), Mask{}};
    if (spec().causal) masks.emplace_back(Causal{});
    return masks;
  }
};
INSTANTIATE_TEST_SUITE_P(, SequenceMixers, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const MixerSpec& each : mixer_specs()) names.push_back(each.name);
                           return names;
                         }()),
                         [](const auto& each) { return each.param; });

struct Seen {
  Numbers output, weights;
};

Seen outputs(const Built<SequenceMixer>& built, std::int64_t positions, const Mask& mask, bool watched,
             double padding_from = 1e9) {
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 3));
  Tape<double> tape(store);
  auto values = drawn_numbers(6 * 9 * 2, 4);
  Numbers x;
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t i = 0; i < 6 * positions; ++i) {
      x.push_back(static_cast<double>(i / 6) >= padding_from ? 1e10 : values[static_cast<std::size_t>(i + 54 * b)]);
    }
  }
  Seen seen;
  const ProbeAt probe({What::weights}, [&](const Site& site, Var<double> weights) {
    EXPECT_EQ(site.heads, 2);
    seen.weights.assign(weights.data(), weights.data() + weights.shape().size());
    EXPECT_EQ(weights.shape(), (Shape{positions, positions, 4}));
  });
  const auto y = built.layer(tape.input({6, positions, 2}, x.data()), mask, {.probe = watched ? &probe : nullptr});
  seen.output.assign(y.data(), y.data() + y.shape().size());
  return seen;
}

TEST_P(SequenceMixers, ShowWeightsThatMakeTheSameContext) {
  static constexpr std::int32_t kLengths[] = {9, 6};
  const Built<SequenceMixer> built(options_of(spec()));
  for (const Mask& mask : masks(kLengths)) {
    const Numbers unseen = outputs(built, 9, mask, false).output;
    const auto [output, weights] = outputs(built, 9, mask, true);
    ASSERT_EQ(output.size(), unseen.size());
    for (std::size_t i = 0; i < output.size(); ++i) EXPECT_NEAR(output[i], unseen[i], 1e-12);
    if (spec().reads == MixerReads::stream) {
      EXPECT_TRUE(weights.empty()) << "channels are mixed too";
      continue;
    }
    for (std::int64_t s = 0; s < 4; ++s) {  // head s % 2 of example s / 2
      for (std::int64_t q = 0; q < 9; ++q) {
        double sum = 0;
        for (std::int64_t k = 0; k < 9; ++k) {
          const double weight = weights[static_cast<std::size_t>(k + 9 * (q + 9 * s))];
          sum += weight;
          const bool allowed = mask.allows({.example = s / 2, .keys = 9}, q, k);
          EXPECT_TRUE((weight != 0) == allowed || (allowed && q >= 6)) << q << " " << k;
        }
        EXPECT_NEAR(spec().averages ? sum : 1, 1, 1e-14);
      }
    }
  }
}

TEST_P(SequenceMixers, DoNotReadPadding) {
  static constexpr std::int32_t kSix[] = {6, 6};
  const Built<SequenceMixer> built(options_of(spec()));
  const Numbers alone = outputs(built, 6, {}, false).output;
  const Numbers padded = outputs(built, 9, Lengths{kSix}, false, 6).output;
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t i = 0; i < 36; ++i) EXPECT_NEAR(padded[i + 54 * b], alone[i + 36 * b], 1e-13);
  }
}

TEST_P(SequenceMixers, RefuseMasksThatAreMoreThanCausalAndLengths) {
  static constexpr std::int32_t kLengths[] = {5, 3};
  const Built<SequenceMixer> built(options_of(spec()));
  for (const Mask& mask : {Mask(Window{.left = 1, .right = 1}), Mask(Causal{.offset = -1}), Mask(Causal{.offset = 1}),
                           Window{.left = 2} & Lengths{kLengths}}) {
    const std::string takes = mask.looks_back() && !spec().causal
                                  ? " reads all of a sequence at once, and cannot be causal"
                                  : " takes no mask but causal and lengths";
    EXPECT_THAT([&] { outputs(built, 9, mask, false); },
                testing::ThrowsMessage<ConfigError>(HasSubstr("mixer " + GetParam() + takes)));
  }
  for (const Mask& mask : masks(kLengths)) EXPECT_NO_THROW(outputs(built, 9, mask & Lengths{kLengths}, false));
}

// There is nothing to learn in a mixer of the stream, and heads are nothing to it.
TEST(SequenceMixer, OfTheStreamHasNoParameters) {
  const Built<SequenceMixer> built(SequenceMixer::Options{.mixer = "fourier", .channels = 6, .sizes = {4, 0, 0}});
  EXPECT_TRUE(built.layout.ranges().empty());
  const Built<SequenceMixer> average(SequenceMixer::Options{.mixer = "average", .channels = 6, .sizes = {2, 3, 4}});
  EXPECT_EQ(average.layout.ranges().size(), 4U);
  EXPECT_EQ(average.layout.find("query.weight"), nullptr);
}

TEST(SequenceMixer, GatesBeginWhereTheirSpecSays) {
  const Built<SequenceMixer> built(options_of(find_mixer("gated_linear")));
  ParameterStore<double> store(built.layout);
  store.initialise(1);
  const ParameterRange* bias = built.layout.find("gate.bias");
  ASSERT_NE(bias, nullptr);
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(store.values().data()[bias->offset + i], 4);
}

TEST(SequenceMixer, RefusesWhatMakesNoSense) {
  const auto message = [](ModelConfig config) -> std::string {
    config.source_vocabulary = config.target_vocabulary = 9;
    try {
      const Model model(config);
      return "taken";
    } catch (const ConfigError& error) {
      return error.what();
    }
  };
  EXPECT_THAT(message({.positions = "rotary", .mixer = "linear"}),
              HasSubstr("positions: rotary does not apply to mixer linear"));
  EXPECT_EQ(message({.positions = "rotary", .mixer = "retention"}), "taken");
  EXPECT_THAT(message({.positions = "alibi", .mixer = "retention"}),
              HasSubstr("positions: alibi does not apply to mixer retention"));
  EXPECT_THAT(message({.mixer = "linaer"}), HasSubstr("mixer: "));
  EXPECT_THAT(message({.model = "decoder", .mixer = "fourier"}),
              HasSubstr("mixer: fourier reads all of a sequence at once, and model decoder writes one token after"));
  EXPECT_THAT(message({.mixer = "fourier"}), HasSubstr("mixer: fourier reads all of a sequence at once"));
  EXPECT_EQ(message({.model = "encoder", .heads = 3, .d_model = 4, .mixer = "fourier"}), "taken");
  EXPECT_THAT([] { find_mixer("x"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("mixer: \"x\" is none of attention, linear, retention")));
  EXPECT_THAT(
      [] {
        Built<SequenceMixer>(SequenceMixer::Options{.channels = 6, .sizes = {2, 0, 1}});
      },
      testing::ThrowsMessage<ConfigError>(HasSubstr("must be positive")));
}

}  // namespace
}  // namespace tapehead
