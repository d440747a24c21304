#include "layers/models/family.hpp"

#include "layers/attention/mask_text.hpp"

#include "layers/attention/attention_scale.hpp"

namespace tapehead {

WeightLaw weight_law(const ModelConfig& config) {
  if (config.initialisation == "kaiming") return WeightLaw::kaiming;
  return config.initialisation == "xavier" ? WeightLaw::xavier : WeightLaw::normal;
}

namespace {

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

StackOptions stack_options(const ModelConfig& config) {
  const std::int64_t width = head_width(config);
  const StageSpec* mixing = chosen_stage(StageKind::mixing, config.stages.mixing);
  const std::int64_t scoring_width = mixing == nullptr ? width : width / mixing->parts;
  const NormPlace norm = config.norm == "pre" ? NormPlace::pre : NormPlace::post;
  return {.layers = config.layers,
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
                    .norm = norm,
                    .norm_kind = config.norm_kind == "rms" ? NormKind::rms : NormKind::layer,
                    .activation = parse_activation(config.feed_forward.activation),
                    .dropout = config.dropout}};
}

Embedding::Options embedding_options(const ModelConfig& config, std::int64_t vocabulary) {
  const PositionKind positions = positions_of_embedding(config.positions);
  return {.channels = config.d_model,
          .vocabulary = vocabulary,
          .positions = positions,
          .max_positions = positions == PositionKind::none ? 0 : positions_told_apart(config),
          .dropout = config.dropout};
}

}  // namespace tapehead
