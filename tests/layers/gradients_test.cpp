// The gradient of every layer and of both models, inputs and all parameters, against the complex step.
#include <gtest/gtest.h>

#include "autograd/ops/cross_entropy.hpp"
#include "layers/embedding.hpp"
#include "layers/models/model.hpp"
#include "layers/stacks.hpp"
#include "tests/support/built.hpp"
#include "tests/support/layer_check.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

constexpr Shape kActivations{6, 4, 2};
constexpr Shape kMemory{6, 3, 2};
constexpr std::int32_t kLengths[] = {2, 3};

Mask memory_padding() { return Mask::padding({.lengths = kLengths}); }

TEST(LayerGradients, Linear) {
  const Built<Linear> built(Linear::Options{6, 5});
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0]); });
}

TEST(LayerGradients, JoinedLinear) {
  const Built<JoinedLinear> built(6, std::vector<JoinedLinear::Part>{{"a", 2}, {"b", 5}, {"c", 1}});
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0]); });
}

TEST(LayerGradients, LayerNorm) {
  const Built<LayerNorm> built(6);
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0]); });
}

class FeedForwardGradients : public testing::TestWithParam<Activation> {};
TEST_P(FeedForwardGradients, WithDropout) {
  const Built<FeedForward> built(FeedForward::Options{6, 9, GetParam(), 0.3});
  const Pass pass{.training = true, .seed = 5};
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0], pass); });
}
INSTANTIATE_TEST_SUITE_P(, FeedForwardGradients, testing::Values(Activation::relu, Activation::gelu),
                         [](const auto& each) { return each.param == Activation::relu ? "relu" : "gelu"; });

TEST(LayerGradients, LearnedPositions) {
  const Built<Positions> built(PositionKind::learned, 6, 5);
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0]); });
}

TEST(LayerGradients, Embedding) {
  const Built<Embedding> built(Embedding::Options{
      .channels = 6, .vocabulary = 7, .positions = PositionKind::learned, .max_positions = 5, .dropout = 0.3});
  const std::vector<std::int32_t> ids = {4, 5, 5, 6, 4, kPadding};
  const std::vector<std::int32_t> lengths = {3, 2};
  const TokenView tokens{ids.data(), lengths.data(), 3, 3, 2};
  const Pass pass{.training = true, .seed = 5};
  check_layer(built.layout, {}, [&](auto& tape, auto) { return built.layer(tape, tokens, pass); });
}

TEST(LayerGradients, SelfAttentionCausalWithDropout) {
  const Built<MultiHeadAttention> built(
      MultiHeadAttention::Options{.channels = 6, .heads = 2, .key_width = 2, .value_width = 5, .dropout = 0.3});
  const Pass pass{.training = true, .seed = 5};
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0], Mask::causal(), pass); });
}

TEST(LayerGradients, CrossAttentionToAMemoryOfOtherWidth) {
  const Built<MultiHeadAttention> built(
      MultiHeadAttention::Options{.channels = 6, .memory_channels = 5, .heads = 3, .scale = 0.25});
  check_layer(built.layout, {kActivations, {5, 3, 2}},
              [&](auto&, auto x) { return built.layer(x[0], x[1], memory_padding(), {}); });
}

class StackGradients : public testing::TestWithParam<NormPlace> {
 protected:
  LayerOptions layer() const { return {.channels = 6, .heads = 2, .inner = 7, .norm = GetParam(), .dropout = 0.2}; }
  Pass pass() const { return {.training = true, .seed = 5}; }
};

TEST_P(StackGradients, EncoderLayer) {
  const Built<EncoderLayer> built(layer());
  check_layer(built.layout, {kActivations},
              [&](auto&, auto x) { return built.layer(x[0], Mask::causal() & memory_padding(), pass()); });
}

TEST_P(StackGradients, DecoderLayer) {
  const Built<DecoderLayer> built(layer());
  check_layer(built.layout, {kActivations, kMemory},
              [&](auto&, auto x) { return built.layer(x[0], x[1], Mask::causal(), memory_padding(), pass()); });
}

TEST_P(StackGradients, EncoderWithoutFinalNorm) {
  const Built<Encoder> built(StackOptions{.layers = 2, .layer = layer(), .final_norm = false});
  check_layer(built.layout, {kActivations}, [&](auto&, auto x) { return built.layer(x[0], Mask{}, pass()); });
}

TEST_P(StackGradients, CrossDecoder) {
  const Built<CrossDecoder> built(StackOptions{.layers = 2, .layer = layer()});
  check_layer(built.layout, {kActivations, kMemory},
              [&](auto&, auto x) { return built.layer(x[0], x[1], Mask::causal(), memory_padding(), pass()); });
}

INSTANTIATE_TEST_SUITE_P(, StackGradients, testing::Values(NormPlace::pre, NormPlace::post),
                         [](const auto& each) { return each.param == NormPlace::pre ? "pre" : "post"; });

// A model down to its loss, with sequences of several lengths and dropout.
class ModelGradients : public testing::TestWithParam<ModelConfig> {};

TEST_P(ModelGradients, EveryParameter) {
  const Model model(GetParam());
  const std::vector<std::int32_t> source = {4, 7, 5, 6, 4, kPadding};
  const std::vector<std::int32_t> source_lengths = {3, 2};
  const std::vector<std::int32_t> input = {kStart, 5, 4, 8, kStart, 6, kPadding, kPadding};
  const std::vector<std::int32_t> expected = {5, 4, 8, kEnd, 6, kEnd, kPadding, kPadding};
  const std::vector<std::int32_t> lengths = {4, 2};
  const TokenView sources{source.data(), source_lengths.data(), 3, 3, 2};
  const TokenView inputs{input.data(), lengths.data(), 4, 4, 2};
  const TokenView expectations{expected.data(), lengths.data(), 4, 4, 2};
  const Pass pass{.training = true, .seed = 5};
  check_layer(model.layout(), {}, [&](auto& tape, auto) {
    return cross_entropy(model.logits(tape, sources, inputs, pass), expectations, {.label_smoothing = 0.1});
  });
}

const ModelConfig kSmall{.layers = 1,
                         .heads = 2,
                         .d_model = 6,
                         .d_ff = 8,
                         .dropout = 0.2,
                         .max_positions = 5,
                         .source_vocabulary = 8,
                         .target_vocabulary = 9};

ModelConfig changed(std::function<void(ModelConfig&)> change) {
  ModelConfig config = kSmall;
  change(config);
  return config;
}

INSTANTIATE_TEST_SUITE_P(, ModelGradients,
                         testing::Values(kSmall, changed([](ModelConfig& c) {
                                           c.norm = "post";
                                           c.activation = "gelu";
                                           c.positions = "learned";
                                           c.d_head = 5;
                                         }),
                                         changed([](ModelConfig& c) { c.model = "decoder"; }),
                                         changed([](ModelConfig& c) {
                                           c.model = "decoder";
                                           c.positions = "learned";
                                           c.activation = "gelu";
                                           c.initialisation = "normal";
                                           c.scale = "inv_dk";
                                         })),
                         [](const auto& each) {
                           return each.param.model + "_" + each.param.norm + "_" + each.param.activation + "_" +
                                  each.param.positions;
                         });

}  // namespace
}  // namespace tapehead
