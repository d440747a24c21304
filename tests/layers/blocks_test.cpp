// How layers are put together, where plain loops say nothing: how weights are drawn, which parameters layers share, and
// which layers are left out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "autograd/base/errors.hpp"
#include "layers/models/model.hpp"
#include "layers/stacks.hpp"
#include "tests/support/built.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using namespace testing_support;
using testing::HasSubstr;

ModelConfig with(const std::function<void(ModelConfig&)>& change) {
  ModelConfig config{.layers = 4,
                     .heads = 2,
                     .d_model = 6,
                     .d_ff = 10,
                     .max_positions = 7,
                     .source_vocabulary = 8,
                     .target_vocabulary = 9};
  change(config);
  return config;
}

// The number by which a parameter is drawn: a deviation, half an interval.
double scale_of(const Model& model, const std::string& name) { return model.layout().find(name)->initialisation.scale; }

TEST(DrawnWeights, FollowTheLawAndItsNumbers) {
  const std::string name = "encoder.layers.1.feed_forward.inner.weight";  // 6 → 10
  const auto drawn = [&](const std::string& law, double gain, double deviation) {
    const Model model(
        with([&](ModelConfig& c) { c.initialisation = law, c.draw.gain = gain, c.draw.deviation = deviation; }));
    return model.layout().find(name)->initialisation;
  };
  using enum Initialisation::Law;
  const std::tuple<const char*, Initialisation::Law, double> laws[] = {
      {"xavier", uniform, std::sqrt(6.0 / 16)},
      {"xavier_normal", normal, std::sqrt(2.0 / 16)},
      {"kaiming", normal, std::sqrt(2.0 / 6)},
      {"kaiming_uniform", uniform, std::sqrt(6.0 / 6)}};
  for (const auto& [law, kind, scale] : laws) {
    EXPECT_EQ(drawn(law, 1, 0.02).law, kind) << law;
    EXPECT_DOUBLE_EQ(drawn(law, 1, 0.02).scale, scale) << law;
    EXPECT_DOUBLE_EQ(drawn(law, 1.5, 0.02).scale, 1.5 * scale) << law;
  }
  EXPECT_EQ(drawn("normal", 1, 0.3).law, normal);
  EXPECT_EQ(drawn("normal", 1, 0.3).scale, 0.3);
}

TEST(DrawnWeights, OfATableFollowTheLawAndLeaveTheGainOut) {
  const auto of_table = [](const std::string& law) {
    return scale_of(
        Model(with([&](ModelConfig& c) { c.initialisation = law, c.draw.gain = 3, c.draw.deviation = 0.3; })),
        "target_embedding.weight");
  };
  EXPECT_DOUBLE_EQ(of_table("xavier_normal"), 1 / std::sqrt(6.0));
  EXPECT_EQ(of_table("normal"), 0.3);
}

// 1/√N, N the parts of a stack that add to its stream, for the last matrix of each part and no other.
TEST(DrawnWeights, ThatJoinTheStreamAreScaledByTheirNumber) {
  for (const auto& [mixer, kind] : {std::pair{"attention", "plain"}, {"retention", "gated"}, {"attention", "none"}}) {
    SCOPED_TRACE(std::string(mixer) + " " + kind);
    const auto change = [&](ModelConfig& c) { c.mixer = mixer, c.feed_forward.kind = kind; };
    const Model equal(with(change));
    const Model scaled(with([&](ModelConfig& c) { change(c), c.draw.residual = "scaled"; }));
    int joining = 0;
    const int parts = std::string(kind) == "none" ? 1 : 2;
    for (const ParameterRange& range : scaled.layout().ranges()) {
      const bool in_layer = range.name.find(".layers.") != std::string::npos;
      const bool joins = in_layer && (range.name.ends_with(".output.weight") || range.name.ends_with(".outer.weight"));
      const int all = 4 * (range.name.starts_with("decoder.") ? parts + 1 : parts);
      const double ratio = joins ? 1 / std::sqrt(static_cast<double>(all)) : 1;
      EXPECT_DOUBLE_EQ(range.initialisation.scale, ratio * scale_of(equal, range.name)) << range.name;
      joining += joins ? 1 : 0;
    }
    EXPECT_EQ(joining, 4 * (2 * parts + 1));
  }
}

TEST(SharedLayers, HaveTheParametersOfTheDistinctOnes) {
  for (const char* family : {"transformer", "decoder", "encoder"}) {
    const auto names = [&](std::int64_t layers, std::int64_t distinct) {
      const Model model(with([&](ModelConfig& c) {
        c.model = family, c.layers = layers, c.block.distinct_layers = distinct;
        c.norm = "both", c.positions = "shaw", c.stages.gate = "learned", c.stages.numbers.clip = 2;
      }));
      std::vector<std::string> all;
      for (const ParameterRange& range : model.layout().ranges()) all.push_back(range.name);
      return all;
    };
    EXPECT_EQ(names(5, 2), names(2, 0)) << family;
    EXPECT_EQ(names(5, 1), names(1, 0)) << family;
  }
}

TEST(SharedLayers, DropOutOnTheirOwnAndAreCalledByTheirPlace) {
  Built<Encoder> built(
      StackOptions{.layers = 3,
                   .layer = {.channels = 6, .heads = 2, .inner = 7, .norm = NormPlace::none, .dropout = 0.4},
                   .distinct = 1});
  auto& layers = built.layer.layers;
  EXPECT_EQ(layers[2].path, "layers.2");
  EXPECT_NE(layers[0].residual.dropout.site, layers[1].residual.dropout.site);
  EXPECT_NE(layers[0].self_mixer.attention()->site, layers[1].self_mixer.attention()->site);
}

TEST(Stacks, RefuseWhatCannotBe) {
  const auto refusal = [](const StackOptions& options) -> std::string {
    try {
      const Built<Encoder> built(options);
      return "";
    } catch (const ConfigError& error) {
      return error.what();
    }
  };
  const LayerOptions layer{.channels = 6, .heads = 2, .inner = 7};
  EXPECT_THAT(refusal({.layers = 2, .layer = layer, .distinct = 3}),
              HasSubstr("3 distinct layers are not among 2 layers"));
  LayerOptions values = layer;
  values.value_residual = ValueResidual::learned;
  EXPECT_THAT(refusal({.layers = 2, .layer = values, .layer_drop = 0.1}),
              HasSubstr("no value residual goes with a layer drop"));
  EXPECT_EQ(refusal({.layers = 2, .layer = values, .distinct = 2}), "");
}

// Over many steps about as many as the rate says, each layer by itself; the same in every shard of a step.
TEST(LayerDrop, LeavesOutItsShareOfEachLayer) {
  ParameterLayout layout;
  std::uint32_t sites = 3;
  const LayerDrop drop(Scope(layout, sites), 0.3);
  EXPECT_EQ(sites, 4U);
  constexpr int kSteps = 4000;
  int left_out[2] = {};
  int both = 0;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    bool out[2] = {};
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const Pass pass{.training = true, .seed = 5, .step = step};
      Pass shard = pass;
      shard.first_example = 17;
      out[layer] = drop.leaves_out(layer, pass);
      ASSERT_EQ(drop.leaves_out(layer, shard), out[layer]);
      left_out[layer] += out[layer] ? 1 : 0;
      shard.every_layer = true;
      ASSERT_FALSE(drop.leaves_out(layer, shard));
      ASSERT_FALSE(drop.leaves_out(layer, Pass{.seed = 5, .step = step})) << "not in training";
    }
    both += out[0] && out[1] ? 1 : 0;
  }
  EXPECT_NEAR(left_out[0], 0.3 * kSteps, 0.03 * kSteps);
  EXPECT_NEAR(left_out[1], 0.3 * kSteps, 0.03 * kSteps);
  EXPECT_NEAR(both, 0.09 * kSteps, 0.02 * kSteps);
  EXPECT_EQ(LayerDrop(Scope(layout, sites), 0).leaves_out(0, Pass{.training = true}), false);
  EXPECT_EQ(sites, 4U) << "without a rate it takes no number, and those of what follows stay";
}

}  // namespace
}  // namespace tapehead
