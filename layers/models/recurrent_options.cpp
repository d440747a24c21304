#include "layers/models/recurrent_options.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "layers/models/recurrent_pair.hpp"

namespace tapehead {

Embedding::Options recurrent_embedding_options(const ModelConfig& config, std::int64_t vocabulary) {
  Embedding::Options options = embedding_options(config, vocabulary);
  options.positions = PositionKind::none;
  options.max_positions = 0;
  return options;
}

RecurrentEncoder::Options recurrent_encoder_options(const ModelConfig& config) {
  return {.cell = config.recurrent.cell,
          .channels = config.d_model,
          .layers = config.layers,
          .bidirectional = config.recurrent.bidirectional == "yes",
          .dropout = config.dropout};
}

RecurrentDecoder::Options recurrent_decoder_options(const ModelConfig& config, bool crosses) {
  RecurrentDecoder::Options options{
      .cell = config.recurrent.cell, .channels = config.d_model, .layers = config.layers, .dropout = config.dropout};
  if (!crosses) return options;
  options.attention = attention_options(stack_options(config).layer, config.d_model);
  options.attention->dropout = 0;  // of weights: it falls on what recurrent layers say
  options.feeds = config.recurrent.input_feeding == "yes";
  return options;
}

void check_recurrent_pair(const ModelConfig& config) {
  SourceAndTarget<RecurrentPair<true>>::check(config);
  if (config.recurrent.bidirectional == "yes" && config.d_model % 2 != 0) {
    throw ConfigError(
        fmt::format("d-model: two directions cannot share {} channels evenly; choose an even number, or "
                    "bidirectional no",
                    config.d_model));
  }
}

}  // namespace tapehead
