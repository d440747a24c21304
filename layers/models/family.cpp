#include "layers/models/family.hpp"

#include <cmath>

#include "layers/attention/attention_scale.hpp"
#include "layers/attention/mask_text.hpp"

namespace tapehead {

namespace {

WeightLaw law_of(const std::string& name) {
  if (name == "kaiming") return WeightLaw::kaiming;
  if (name == "normal") return WeightLaw::normal;
  if (name == "xavier_normal") return WeightLaw::xavier_normal;
  return name == "kaiming_uniform" ? WeightLaw::kaiming_uniform : WeightLaw::xavier;
}

NormPlace place_of(const std::string& norm) {
  if (norm == "post") return NormPlace::post;
  if (norm == "both") return NormPlace::both;
  return norm == "none" ? NormPlace::none : NormPlace::pre;
}

ValueResidual value_residual_of(const std::string& choice) {
  if (choice == "equal") return ValueResidual::equal;
  return choice == "learned" ? ValueResidual::learned : ValueResidual::none;
}

StageChoices stages_of(const ModelConfig& config) {
  StageChoices stages = config.stages;
  if (is_among(stage_names(StageKind::bias), config.positions)) stages.bias = config.positions;
  stages.numbers.positions = config.max_positions;
  return stages;
}

RotaryChoices rotary_of(const ModelConfig& config) {
  RotaryChoices rotary = config.rotary;
  rotary.positions = config.positions == "rotary" ? positions_told_apart(config) : 0;
  return rotary;
}

}  // namespace

WeightDraw weight_draw(const ModelConfig& config) {
  return {.law = law_of(config.initialisation), .deviation = config.draw.deviation, .gain = config.draw.gain};
}

StackOptions stack_options(const ModelConfig& config) {
  const std::int64_t width = head_width(config);
  const StageSpec* mixing = chosen_stage(StageKind::mixing, config.stages.mixing);
  const std::int64_t scoring_width = mixing == nullptr ? width : width / mixing->parts;
  return {
      .layers = config.layers,
      .layer = {.channels = config.d_model,
                .heads = config.heads,
                .key_width = width,
                .value_width = config.d_value,
                .head = config.head,
                .inner = config.feed_forward.kind == "none" ? 0 : config.d_ff,
                .gated = config.feed_forward.kind == "gated",
                .inner_bias = config.feed_forward.bias == "yes",
                .scale = attention_scale(config.scale, scoring_width, config.d_model),
                .learned_scale = config.scale == "learned",
                .stages = stages_of(config),
                .rotary = rotary_of(config),
                .visible = mask_of_positions(config.attention_mask),
                .kernel = parse_attention_kernel(config.attention),
                .mixer = config.mixer,
                .value_residual = value_residual_of(config.block.value_residual),
                .norm = place_of(config.norm),
                .norm_kind = config.norm_kind == "rms" ? NormKind::rms : NormKind::layer,
                .norm_bias = config.block.norm_bias == "yes",
                .parallel = config.block.residual == "parallel",
                .activation = parse_activation(config.feed_forward.activation),
                .norm_epsilon = config.block.norm_epsilon,
                .dropout = config.dropout,
                .attention_dropout = drop_rate(config.drops.attention, config.dropout),
                .inner_dropout = drop_rate(config.drops.feed_forward, config.dropout),
                .query_factor = config.draw.query == "scaled" ? 1 / std::sqrt(static_cast<double>(scoring_width)) : 1},
      .final_norm = config.norm != "none" && config.block.final_norm == "yes",
      .distinct = config.block.distinct_layers,
      .layer_drop = config.block.layer_drop,
      .scaled_outputs = config.draw.residual == "scaled"};
}

Embedding::Options embedding_options(const ModelConfig& config, std::int64_t vocabulary) {
  const PositionKind positions = positions_of_embedding(config.positions);
  const bool scaled = embedding_scale(config.embedding_scale, config.initialisation) == "sqrt_dmodel";
  std::optional<NormOptions> norm;
  if (config.block.embedding_norm == "yes") norm = norm_options(stack_options(config).layer);
  return {.channels = config.d_model,
          .vocabulary = vocabulary,
          .positions = positions,
          .max_positions = positions == PositionKind::none ? 0 : positions_told_apart(config),
          .dropout = config.dropout,
          .scale = scaled ? EmbeddingScale::sqrt_channels : EmbeddingScale::none,
          .norm = norm};
}

Linear::Options output_options(const ModelConfig& config) {
  return {.in = config.d_model, .out = config.target_vocabulary, .has_bias = config.output_bias == "yes"};
}

std::vector<ModelSpec::Case> block_cases(const ModelConfig& base) {
  ModelConfig sandwich = base;
  sandwich.norm = "both";
  sandwich.block.norm_bias = "no";
  sandwich.block.embedding_norm = "yes";
  sandwich.output_bias = "no";
  sandwich.initialisation = "xavier_normal";
  sandwich.draw.gain = 1.5;
  ModelConfig parallel = base;
  parallel.block.residual = "parallel";
  parallel.norm = "none";
  parallel.norm_kind = "rms";
  parallel.block.embedding_norm = "yes";
  parallel.initialisation = "kaiming_uniform";
  parallel.embedding_scale = "none";
  ModelConfig universal = base;
  universal.layers = 3;
  universal.block.final_norm = "no";
  universal.block.distinct_layers = 2;
  universal.block.value_residual = "learned";
  universal.initialisation = "normal";
  universal.draw.deviation = 0.4;
  universal.draw.residual = "scaled";
  ModelConfig dropping = base;
  dropping.layers = 4;
  dropping.block.layer_drop = 0.4;
  return {{"sandwich", sandwich}, {"parallel", parallel}, {"universal", universal}, {"dropping_layers", dropping}};
}

}  // namespace tapehead
