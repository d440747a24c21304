#pragma once

#include "layers/models/recurrent_options.hpp"
#include "layers/models/source_and_target.hpp"

namespace tapehead {

/// The recurrent encoder–decoder: what a target token may know is the state that the source left (Sutskever et al.
/// 2014; Cho et al. 2014) and, with attention, each position of the source (Bahdanau et al. 2015; Luong et al. 2015).
template <bool kAttends>
struct RecurrentPair {
  template <Scalar T>
  using Memory = Encoded<T>;

  static RecurrentEncoder encoder(const Scope& scope, const ModelConfig& config) {
    return {scope, recurrent_encoder_options(config)};
  }
  static RecurrentDecoder decoder(const Scope& scope, const ModelConfig& config) {
    return {scope, recurrent_decoder_options(config, kAttends)};
  }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return recurrent_embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static Encoded<T> encode(const RecurrentEncoder& stack, Var<T> x, const TokenView& source, const Pass& pass) {
    return stack(x, source.lengths, pass);
  }
  template <Scalar T>
  static Var<T> decode(const RecurrentDecoder& stack, Var<T> x, const Encoded<T>& encoded, const TokenView& source,
                       const TokenView& input, const Pass& pass) {
    return stack(x, input.lengths, encoded, Mask::padding(source), pass);
  }
  static double values(const ModelConfig& config, const SequenceLengths& longest) {
    return recurrent_encoder_values(config, longest.source) +
           recurrent_decoder_values(config, longest.target, kAttends ? longest.source : 0);
  }
  static double shared_values(const ModelConfig& config, const SequenceLengths& /*longest*/) {
    return recurrent_encoder_shared_values(config) + recurrent_decoder_shared_values(config, kAttends);
  }
};

/// What such a family asks of a configuration: see ModelSpec.
void check_recurrent_pair(const ModelConfig& config);

}  // namespace tapehead
