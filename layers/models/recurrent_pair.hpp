#pragma once

#include "layers/models/cached_state.hpp"
#include "layers/models/memory.hpp"
#include "layers/models/recurrent_options.hpp"

namespace tapehead {

/// The recurrent encoder–decoder: what a target token may know is the state that the source left (Sutskever et al.
/// 2014; Cho et al. 2014) and, with attention, each position of the source (Bahdanau et al. 2015; Luong et al. 2015).
/// Parameters `source_embedding.*`, `target_embedding.*`, `encoder.*`, `decoder.*`, `output.*`.
template <bool kAttends>
struct RecurrentPair {
  RecurrentPair(const Scope& scope, const ModelConfig& config)
      : source_embedding(scope / "source_embedding", recurrent_embedding_options(config, config.source_vocabulary)),
        target_embedding(scope / "target_embedding", recurrent_embedding_options(config, config.target_vocabulary),
                         ties_source(config) ? source_embedding.weight : Parameter{}),
        encoder(scope / "encoder", recurrent_encoder_options(config)),
        decoder(scope / "decoder", recurrent_decoder_options(config, kAttends)),
        output(scope / "output", output_options(config), ties_output(config) ? target_embedding.weight : Parameter{}),
        max_positions(config.max_positions) {}

  template <Scalar T>
  Encoded<T> encode(Tape<T>& tape, const TokenView& source, const Pass& pass) const {
    return encoder(source_embedding(tape, source, pass), source.lengths, pass);
  }

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const Encoded<T>& encoded, const TokenView& source, const TokenView& input,
                const Pass& pass) const {
    return decoder(target_embedding(tape, input, pass), input.lengths, encoded, Mask::padding(source), pass);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, encode(tape, batch.source(), pass), batch.source(), batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    // The source is read once; behind that states are remembered, and what attention projected of it.
    const auto next = [this](Tape<T>& on, const TokenView& source, const TokenView& input, const Pass& pass) {
      return decode(on, pass.cache->any() ? Encoded<T>{} : encode(on, source, Pass{}), source, input, pass);
    };
    return begin_beside<T>(tape, sources, max_positions, output, next);
  }

  Embedding source_embedding, target_embedding;
  RecurrentEncoder encoder;
  RecurrentDecoder decoder;
  Linear output;
  std::int64_t max_positions;
};

/// What a family of these asks of a configuration, and keeps of an example: see ModelSpec.
void check_recurrent_pair(const ModelConfig& config);
template <bool kAttends>
double recurrent_pair_values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.source) + recurrent_encoder_values(config, longest.source) +
         embedding_values(config, longest.target) +
         recurrent_decoder_values(config, longest.target, kAttends ? longest.source : 0) +
         output_values(config, longest.target);
}

}  // namespace tapehead
