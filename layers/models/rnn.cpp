#include "layers/models/recurrent_pair.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {

ModelSpec model_spec_rnn() {
  const ModelConfig gru{.model = "rnn", .layers = 2, .heads = 2, .d_model = 6, .dropout = 0.2};
  ModelConfig lstm = gru;
  lstm.recurrent.cell = "lstm";
  lstm.stages.score = "additive";
  lstm.heads = 1;
  lstm.layers = 1;
  lstm.tie = "all";
  ModelConfig feeding = gru;
  feeding.recurrent = {.cell = "tanh", .bidirectional = "no", .input_feeding = "yes"};
  feeding.stages.score = "bilinear";
  return {.name = "rnn",
          .description = "recurrent encoder and decoder, and attention between them",
          .reads = {Column::source, Column::input, Column::expected},
          .check = check_recurrent_pair,
          .make = make_family<SourceAndTarget<RecurrentPair<true>>>,
          .values = SourceAndTarget<RecurrentPair<true>>::values,
          .shared_values = RecurrentPair<true>::shared_values,
          .crosses = true,
          .kind = ModelKind::recurrent,
          .embeddings = 2,
          .cases = {{"gru", gru}, {"lstm_additive_tied", lstm}, {"tanh_feeding", feeding}}};
}

}  // namespace tapehead
