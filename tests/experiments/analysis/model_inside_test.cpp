#include "experiments/analysis/model_inside.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tapehead {
namespace {

ModelConfig config_of(const std::string& family) {
  ModelConfig config;
  config.model = family;
  config.layers = 2;
  config.heads = 2;
  config.d_model = 8;
  config.d_ff = 12;
  config.source_vocabulary = 10;
  config.target_vocabulary = 11;
  if (family == "decoder") config.source_vocabulary = 11;
  return config;
}

const AttentionInside& attention(const ModelInside& inside, const std::string& layer) {
  for (const AttentionInside& each : inside.attentions) {
    if (each.layer == layer) return each;
  }
  throw std::logic_error("there is no " + layer);
}

double all_of(const Matrix& matrix) {
  double sum = 0;
  for (const double each : matrix.values) sum += each;
  return sum;
}

TEST(ModelInside, ProductsAreCountedWhereTheyAre) {
  const ModelInside inside = model_inside(Model(config_of("transformer")), 5, 4);
  EXPECT_EQ(inside.operations.at("encoder.layers.0.feed_forward.inner.weight"), 2 * 8 * 12);
  EXPECT_EQ(inside.operations.at("output.weight"), 2 * 8 * 11);
  EXPECT_EQ(inside.operations.count("source_embedding.weight"), 0U) << "a row is looked up";
  EXPECT_EQ(inside.operations.count("encoder.norm.gain"), 0U);
  EXPECT_EQ(inside.attentions.size(), 6U);
}

TEST(ModelInside, ATiedTableIsMultipliedOnce) {
  ModelConfig config = config_of("transformer");
  config.tie = "output";
  const ModelInside inside = model_inside(Model(config), 5, 4);
  EXPECT_EQ(inside.operations.at("target_embedding.weight"), 2 * 8 * 11);
}

// Five layers of two kinds: the first is used three times, the second twice.
TEST(ModelInside, SharedLayersAreCountedAsOftenAsTheyAreUsed) {
  ModelConfig config = config_of("transformer");
  config.layers = 5;
  config.block.distinct_layers = 2;
  config.block.value_residual = "learned";
  const ModelInside inside = model_inside(Model(config), 5, 4);
  EXPECT_EQ(inside.operations.at("encoder.layers.0.feed_forward.inner.weight"), 3 * 2 * 8 * 12);
  EXPECT_EQ(inside.operations.at("decoder.layers.1.feed_forward.inner.weight"), 2 * 2 * 8 * 12);
  EXPECT_EQ(inside.operations.at("output.weight"), 2 * 8 * 11);
  EXPECT_EQ(inside.attentions.size(), 15U);
}

TEST(ModelInside, AttentionCostsWhatItsMaskLeaves) {
  const ModelInside inside = model_inside(Model(config_of("transformer")), 5, 4);
  const AttentionInside& causal = attention(inside, "decoder.layers.1.self_attention");
  const auto targets = static_cast<double>(causal.allowed.rows);
  EXPECT_EQ(all_of(causal.allowed), targets * (targets + 1) / 2);
  EXPECT_EQ(causal.allowed(0, 1), 0);
  EXPECT_EQ(causal.allowed(1, 0), 1);
  // 2 (4 + 4) numbers a head, two heads, half of the keys and a half one more.
  EXPECT_DOUBLE_EQ(causal.operations, 2 * (4 + 4) * 2 * (targets + 1) / 2);
  const AttentionInside& cross = attention(inside, "decoder.layers.0.cross_attention");
  EXPECT_EQ(all_of(cross.allowed), static_cast<double>(cross.allowed.rows * cross.allowed.columns));
}

TEST(ModelInside, MasksThatAUserAddsAreSeenWhateverTheWeightsAre) {
  for (const std::string normalizer : {"softmax", "sparsemax", "top", "relu"}) {
    ModelConfig config = config_of("encoder");
    config.attention_mask = "window(1, 0)";
    config.stages.normalizer = normalizer;
    const ModelInside inside = model_inside(Model(config), 6, 6);
    const Matrix& allowed = attention(inside, "encoder.layers.0.self_attention").allowed;
    for (std::int64_t q = 0; q < allowed.rows; ++q) {
      for (std::int64_t k = 0; k < allowed.columns; ++k) {
        EXPECT_EQ(allowed(q, k), k == q || k == q - 1 ? 1 : 0) << normalizer << q << k;
      }
    }
  }
}

TEST(ModelInside, AMixerHasAStateInPlaceOfWeights) {
  ModelConfig config = config_of("decoder");
  config.mixer = "retention";
  const ModelInside inside = model_inside(Model(config), 3, 3);
  ASSERT_EQ(inside.attentions.size(), 2U);
  EXPECT_EQ(inside.attentions[1].layer, "decoder.layers.1.mixer");
  EXPECT_EQ(inside.attentions[1].operations, 4.0 * 2 * 4 * 4);
}

TEST(ModelInside, AHugeModelIsLookedIntoWithoutMakingIt) {
  ModelConfig config = config_of("transformer");
  config.d_model = 1 << 14;
  config.d_ff = 1 << 16;
  config.layers = 100;
  const ModelInside inside = model_inside(Model(config), 5, 4);
  EXPECT_EQ(inside.attentions.size(), 300U);
  EXPECT_EQ(inside.operations.at("encoder.layers.99.feed_forward.inner.weight"), std::ldexp(1, 1 + 14 + 16));
}

TEST(ModelInside, StagesAreNamed) {
  ModelConfig config = config_of("decoder");
  EXPECT_EQ(stages_text(config), "2 heads of 4, dot, inv_sqrt_dk, softmax");
  config.positions = "alibi";
  config.stages.cap = 30;
  config.head.key_heads = 1;
  EXPECT_EQ(stages_text(config), "2 heads of 4, 1 of keys, dot, inv_sqrt_dk, cap 30, alibi, softmax");
}

}  // namespace
}  // namespace tapehead
