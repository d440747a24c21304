#include "layers/models/family.hpp"

#include "layers/attention/attention_scale.hpp"

namespace tapehead {

WeightLaw weight_law(const ModelConfig& config) {
  if (config.initialisation == "kaiming") return WeightLaw::kaiming;
  return config.initialisation == "xavier" ? WeightLaw::xavier : WeightLaw::normal;
}

StackOptions stack_options(const ModelConfig& config) {
  const std::int64_t width = head_width(config);
  const NormPlace norm = config.norm == "pre" ? NormPlace::pre : NormPlace::post;
  return {.layers = config.layers,
          .layer = {.channels = config.d_model,
                    .heads = config.heads,
                    .key_width = width,
                    .inner = config.d_ff,
                    .scale = attention_scale(config.scale, width, config.d_model),
                    .score = config.score,
                    .kernel = parse_attention_kernel(config.attention),
                    .norm = norm,
                    .norm_kind = config.norm_kind == "rms" ? NormKind::rms : NormKind::layer,
                    .activation = parse_activation(config.activation),
                    .dropout = config.dropout}};
}

Embedding::Options embedding_options(const ModelConfig& config, std::int64_t vocabulary) {
  const PositionKind positions = parse_positions(config.positions);
  return {.channels = config.d_model,
          .vocabulary = vocabulary,
          .positions = positions,
          .max_positions = positions == PositionKind::none ? 0 : config.max_positions,
          .dropout = config.dropout};
}

}  // namespace tapehead
