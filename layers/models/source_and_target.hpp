#pragma once

#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/linear.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/family.hpp"
#include "layers/models/memory.hpp"

namespace tapehead {

/// What families of an encoder and a decoder have in common. Parameters `source_embedding.*`, `target_embedding.*`,
/// `encoder.*`, `decoder.*`, `output.*`. `Parts` are functions that say what is a family's own:
///
///     Encoder encoder(scope, config)
///     Decoder decoder(scope, config)
///     Embedding::Options embedding(config, vocabulary)
///     Memory<T> encode(encoder, x, source, pass)                  // x (C, S, B), of tokens `source`
///     Var<T> decode(decoder, x, memory, source, input, pass)      // x (C, T, B), of tokens `input` → (C, T, B)
///     double values(config, longest)    // that encoder and decoder keep of an example: see ModelSpec
///
/// A decoder is given an empty memory where a pass of a decoding state has read before: what it needs of the source is
/// remembered.
template <class Parts>
struct SourceAndTarget {
  template <Scalar T>
  using Memory = typename Parts::template Memory<T>;

  SourceAndTarget(const Scope& scope, const ModelConfig& config)
      : source_embedding(scope / "source_embedding", Parts::embedding(config, config.source_vocabulary)),
        target_embedding(scope / "target_embedding", Parts::embedding(config, config.target_vocabulary),
                         ties_source(config) ? source_embedding.weight : Parameter{}),
        encoder(Parts::encoder(scope / "encoder", config)),
        decoder(Parts::decoder(scope / "decoder", config)),
        output(scope / "output", output_options(config), ties_output(config) ? target_embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  template <Scalar T>
  Memory<T> encode(Tape<T>& tape, const TokenView& source, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, source, position_range, pass);
    return Parts::encode(encoder, source_embedding(tape, source, placed), source, placed);
  }

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const Memory<T>& memory, const TokenView& source, const TokenView& input,
                const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return Parts::decode(decoder, target_embedding(tape, input, placed), memory, source, input, placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, encode(tape, batch.source(), pass), batch.source(), batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    const auto next = [this](Tape<T>& on, const TokenView& source, const TokenView& input, const Pass& pass) {
      return decode(on, pass.cache->any() ? Memory<T>{} : encode(on, source, Pass{}), source, input, pass);
    };
    return begin_beside<T>(tape, sources, max_positions, output, next);
  }

  static double values(const ModelConfig& config, const SequenceLengths& longest) {
    return embedding_values(config, longest.source) + embedding_values(config, longest.target) +
           Parts::values(config, longest) + output_values(config, longest.target);
  }

  static void check(const ModelConfig& config) {
    require_source_vocabulary(config);
    if (ties_source(config)) require_same_vocabularies(config, "all", "output");
  }

  Embedding source_embedding, target_embedding;
  decltype(Parts::encoder(std::declval<const Scope&>(), std::declval<const ModelConfig&>())) encoder;
  decltype(Parts::decoder(std::declval<const Scope&>(), std::declval<const ModelConfig&>())) decoder;
  Linear output;
  std::int64_t max_positions, position_range;
};

}  // namespace tapehead
