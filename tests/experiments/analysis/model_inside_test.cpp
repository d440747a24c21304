#include "experiments/analysis/model_inside.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <utility>

#include "autograd/base/errors.hpp"
#include "layers/models/spec.hpp"

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

// Every weight is multiplied by each column that its layer reads, a table of words or positions by none.
TEST(ModelInside, EveryWeightOfEveryFamilyIsCounted) {
  const std::vector<std::pair<std::string, void (*)(ModelConfig&)>> ways{
      {"as it is", [](ModelConfig&) {}},
      {"learned positions", [](ModelConfig& c) { c.positions = "learned"; }},
      {"gated", [](ModelConfig& c) { c.feed_forward.kind = "gated"; }},
      {"gru", [](ModelConfig& c) { c.recurrent.cell = "gru"; }},
      {"lstm", [](ModelConfig& c) { c.recurrent.cell = "lstm"; }},
      {"fed", [](ModelConfig& c) { c.recurrent.input_feeding = "yes"; }},
      {"one head", [](ModelConfig& c) { c.heads = 1; }},
      {"one head of keys", [](ModelConfig& c) { c.head.key_heads = 1; }},
      {"delta rule", [](ModelConfig& c) { c.mixer = "delta_rule"; }},
      {"gated linear", [](ModelConfig& c) { c.mixer = "gated_linear"; }},
      {"retention", [](ModelConfig& c) { c.mixer = "retention"; }},
      {"forgetting", [](ModelConfig& c) { c.positions = "forgetting"; }},
      {"bilinear", [](ModelConfig& c) { c.stages.score = "bilinear"; }},
      {"by position", [](ModelConfig& c) { c.positions = "table"; }},
      {"t5", [](ModelConfig& c) { c.positions = "t5"; }},
      {"differential", [](ModelConfig& c) { c.stages.mixing = "differential"; }},
      {"parallel", [](ModelConfig& c) { c.block.residual = "parallel"; }},
  };
  for (const auto& [name, change] : ways) {
    bool any = false;
    for (const ModelSpec& spec : model_specs()) {
      ModelConfig config = config_of(spec.name);
      if (!spec.reads_source()) config.source_vocabulary = config.target_vocabulary;
      if (spec.kind != ModelKind::blocks) config.positions = spec.kind == ModelKind::recurrent ? "none" : "sinusoidal";
      if (spec.reads_features()) config.features = {3, 2, 3}, config.max_positions = 7;
      change(config);
      std::optional<Model> model;
      try {
        model.emplace(config);
      } catch (const ConfigError&) {
        continue;  // this family has nothing of the kind
      }
      any = true;
      const ModelInside inside = model_inside(*model, 5, 4);
      for (const ParameterRange& range : model->layout().ranges()) {
        const bool table = range.name.ends_with("embedding.weight") || range.name.ends_with("positions.weight");
        const double expected =
            range.name.ends_with(".weight") && !table ? 2 * static_cast<double>(range.shape.size()) : 0;
        const auto found = inside.operations.find(range.name);
        EXPECT_EQ(found == inside.operations.end() ? 0 : found->second, expected)
            << spec.name << ", " << name << ": " << range.name;
      }
    }
    EXPECT_TRUE(any) << name << " is no model at all";
  }
}

TEST(ModelInside, HeadsThatTalkMultiplyTheScoresOfEachKey) {
  ModelConfig config = config_of("transformer");
  config.stages.mixing = "talking";
  config.heads = 4;
  const ModelInside inside = model_inside(Model(config), 5, 4);
  const AttentionInside& causal = attention(inside, "decoder.layers.1.self_attention");
  const auto targets = static_cast<double>(causal.allowed.rows);
  for (const std::string which : {"scores", "weights"}) {
    EXPECT_DOUBLE_EQ(inside.operations.at("decoder.layers.1.self_attention.mixing." + which),
                     2 * 4 * 4 * (targets + 1) / 2);
  }
  const AttentionInside& cross = attention(inside, "decoder.layers.1.cross_attention");
  EXPECT_DOUBLE_EQ(inside.operations.at("decoder.layers.1.cross_attention.mixing.scores"),
                   2.0 * 4 * 4 * static_cast<double>(cross.allowed.columns));
}

TEST(ModelInside, EachHeadOfRelativePositionsMultipliesTheTable) {
  ModelConfig config = config_of("decoder");
  config.positions = "shaw";
  config.stages.numbers.clip = 3;
  const ModelInside inside = model_inside(Model(config), 5, 4);
  EXPECT_EQ(inside.operations.at("decoder.layers.0.self_attention.bias.table"), 2 * (2 * 4 * 7));
}

TEST(ModelInside, AdditiveScoresProjectQueryAndKey) {
  ModelConfig config = config_of("decoder");
  config.stages.score = "additive";
  const ModelInside inside = model_inside(Model(config), 5, 4);
  EXPECT_EQ(inside.operations.at("decoder.layers.0.self_attention.score.query"), 2 * 4 * 4 * 2);
  EXPECT_EQ(inside.operations.at("decoder.layers.0.self_attention.score.key"), 2 * 4 * 4 * 2);
  EXPECT_EQ(inside.operations.count("decoder.layers.0.self_attention.score.direction"), 0U)
      << "it is multiplied once a key, as queries are in dot products, and is counted there";
}

// A forget gate is most open at first; where it is half open the weights of keys far back are no numbers of float.
TEST(ModelInside, KeysFarBackAreAllowedByBiases) {
  for (const std::string positions : {"forgetting", "alibi"}) {
    ModelConfig config = config_of("decoder");
    config.positions = positions;
    config.max_positions = 512;
    const ModelInside inside = model_inside(Model(config), 200, 200);
    const AttentionInside& causal = attention(inside, "decoder.layers.0.self_attention");
    const auto tokens = static_cast<double>(causal.allowed.rows);
    EXPECT_EQ(all_of(causal.allowed), tokens * (tokens + 1) / 2) << positions;
  }
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

// What reads a sequence from either end has two states; the delta rule multiplies by its state once more.
TEST(ModelInside, AStateCostsItsProductsEachWay) {
  const std::vector<std::pair<std::string, double>> both_ways{
      {"linear", 2}, {"retention", 4}, {"gated_linear", 4}, {"delta_rule", 6}, {"average", 0}};
  for (const auto& [mixer, products] : both_ways) {
    ModelConfig config = config_of("encoder");
    config.mixer = mixer;
    const ModelInside inside = model_inside(Model(config), 6, 6);
    EXPECT_EQ(inside.attentions.at(0).operations, products * 2 * 2 * 4 * 4) << mixer;
    EXPECT_EQ(inside.attentions.at(0).allowed.rows, 0) << mixer << " has no weights";
  }
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
