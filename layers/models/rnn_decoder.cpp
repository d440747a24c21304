#include "layers/models/cached_state.hpp"
#include "layers/models/recurrent_options.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// The recurrent language model (Mikolov et al. 2010): what a token may know is the state that all before it left.
/// Parameters `embedding.*`, `decoder.*`, `output.*`.
struct RnnDecoder {
  RnnDecoder(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", recurrent_embedding_options(config, config.target_vocabulary)),
        decoder(scope / "decoder", recurrent_decoder_options(config, false)),
        output(scope / "output", output_options(config), ties_output(config) ? embedding.weight : Parameter{}),
        max_positions(config.max_positions) {}

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const TokenView& input, const Pass& pass) const {
    return decoder(embedding(tape, input, pass), input.lengths, Encoded<T>{}, Mask{}, pass);
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

  Embedding embedding;
  RecurrentDecoder decoder;
  Linear output;
  std::int64_t max_positions;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.target) + recurrent_decoder_values(config, longest.target, 0) +
         output_values(config, longest.target);
}

}  // namespace

ModelSpec model_spec_rnn_decoder() {
  const ModelConfig gru{.model = "rnn_decoder", .layers = 2, .d_model = 5, .dropout = 0.2};
  ModelConfig lstm = gru;
  lstm.recurrent.cell = "lstm";
  lstm.layers = 1;
  lstm.tie = "output";
  return {.name = "rnn_decoder",
          .description = "recurrent layers alone: source and target are one sequence",
          .reads = {Column::input, Column::expected},
          .check = [](const ModelConfig&) {},
          .make = make_family<RnnDecoder>,
          .values = values,
          .kind = ModelKind::recurrent,
          .cases = {{"two_layers_gru", gru}, {"lstm_tied", lstm}},
          .needs = {ValueNeed{"rnn_decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
