#include "layers/models/cached_state.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// Says each token from the one before it alone. Parameters `embedding.*`, `output.*`.
struct Bigram {
  Bigram(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", embedding_options(config, config.target_vocabulary)),
        output(scope / "output", {config.d_model, config.target_vocabulary}),
        max_positions(config.max_positions) {}

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return embedding(tape, batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    return begin_joined(
        tape, sources, max_positions, output,
        [this](Tape<T>& on, const TokenView& input, const Pass& pass) { return embedding(on, input, pass); });
  }

  Embedding embedding;
  Linear output;
  std::int64_t max_positions;
};

}  // namespace

ModelSpec model_spec_bigram() {
  return {.name = "bigram",
          .description = "the next token from the last one alone",
          .reads = {Column::input, Column::expected},
          .check = [](const ModelConfig&) {},
          .make = make_family<Bigram>,
          .values =
              [](const ModelConfig& config, const SequenceLengths& longest) {
                return embedding_values(config, longest.target) + output_values(config, longest.target);
              },
          .cases = {{"small", {.model = "bigram", .d_model = 8, .dropout = 0.2}}}};
}

}  // namespace tapehead
