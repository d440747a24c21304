#include "layers/models/one_sequence.hpp"
#include "layers/models/recurrent_options.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// The recurrent language model (Mikolov et al. 2010): what a token may know is the state that all before it left.
struct RnnDecoder {
  static RecurrentDecoder stack(const Scope& scope, const ModelConfig& config) {
    return {scope, recurrent_decoder_options(config, false)};
  }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return recurrent_embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static Var<T> read(const RecurrentDecoder& stack, Var<T> x, const TokenView& input, const Pass& pass) {
    return stack(x, input.lengths, Encoded<T>{}, Mask{}, pass);
  }
  static double values(const ModelConfig& config, std::int64_t positions) {
    return recurrent_decoder_values(config, positions, 0);
  }
};

double shared_values(const ModelConfig& config, const SequenceLengths& /*longest*/) {
  return recurrent_decoder_shared_values(config, false);
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
          .make = make_family<OneSequence<RnnDecoder>>,
          .values = OneSequence<RnnDecoder>::values,
          .shared_values = shared_values,
          .kind = ModelKind::recurrent,
          .cases = {{"two_layers_gru", gru}, {"lstm_tied", lstm}},
          .needs = {ValueNeed{"rnn_decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
