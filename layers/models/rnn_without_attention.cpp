#include "layers/models/recurrent_pair.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {

ModelSpec model_spec_rnn_without_attention() {
  const ModelConfig lstm{
      .model = "rnn_without_attention", .layers = 2, .d_model = 6, .recurrent = {.cell = "lstm"}, .dropout = 0.2};
  ModelConfig forward = lstm;
  forward.recurrent = {.cell = "gru", .bidirectional = "no"};
  forward.d_model = 5;
  forward.tie = "output";
  return {.name = "rnn_without_attention",
          .description = "recurrent encoder and decoder: of the source, its last state alone is known",
          .reads = {Column::source, Column::input, Column::expected},
          .check = check_recurrent_pair,
          .make = make_family<SourceAndTarget<RecurrentPair<false>>>,
          .values = SourceAndTarget<RecurrentPair<false>>::values,
          .shared_values = RecurrentPair<false>::shared_values,
          .kind = ModelKind::recurrent,
          .embeddings = 2,
          .cases = {{"lstm", lstm}, {"gru_forward_tied", forward}}};
}

}  // namespace tapehead
