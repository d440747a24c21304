#pragma once

#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/linear.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/family.hpp"
#include "layers/models/memory.hpp"

namespace tapehead {

/// What families of one stack have in common that read source and target as one sequence: tokens are embedded, the
/// stack reads them, and what it says is projected on the vocabulary. Parameters `embedding.*`, `decoder.*`,
/// `output.*`. `Parts` are functions that say what is a family's own:
///
///     Stack stack(scope, config)
///     Embedding::Options embedding(config, vocabulary)
///     Var<T> read(stack, x, input, pass)    // x (C, T, B), of tokens `input` → (C, T, B)
///     double values(config, positions)      // that the stack keeps of an example: see ModelSpec
template <class Parts>
struct OneSequence {
  OneSequence(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", Parts::embedding(config, config.target_vocabulary)),
        decoder(Parts::stack(scope / "decoder", config)),
        output(scope / "output", output_options(config), ties_output(config) ? embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const TokenView& input, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return Parts::read(decoder, embedding(tape, input, placed), input, placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    return begin_joined(
        tape, sources, max_positions, output,
        [this](Tape<T>& on, const TokenView& input, const Pass& pass) { return decode(on, input, pass); });
  }

  static double values(const ModelConfig& config, const SequenceLengths& longest) {
    return embedding_values(config, longest.target) + Parts::values(config, longest.target) +
           output_values(config, longest.target);
  }

  Embedding embedding;
  decltype(Parts::stack(std::declval<const Scope&>(), std::declval<const ModelConfig&>())) decoder;
  Linear output;
  std::int64_t max_positions, position_range;
};

}  // namespace tapehead
