#pragma once

#include "layers/models/family.hpp"
#include "layers/recurrent/recurrent_decoder.hpp"
#include "layers/recurrent/recurrent_encoder.hpp"

namespace tapehead {

/// What a configuration says of the parts that recurrent families are made of. Nothing is said of positions: a state
/// knows what it has read.
Embedding::Options recurrent_embedding_options(const ModelConfig& config, std::int64_t vocabulary);
RecurrentEncoder::Options recurrent_encoder_options(const ModelConfig& config);
/// `crosses`: with attention to a memory.
RecurrentDecoder::Options recurrent_decoder_options(const ModelConfig& config, bool crosses);

}  // namespace tapehead
