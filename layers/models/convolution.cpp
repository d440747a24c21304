#include <numbers>

#include "autograd/ops/add.hpp"
#include "autograd/ops/scale.hpp"
#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/convolution_options.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// The convolutional encoder–decoder (Gehring et al. 2017): gated convolutions in place of recurrence, and attention in
/// every layer of the decoder to what the encoder says of a token and the token itself, (z + e) √½. Parameters
/// `source_embedding.*`, `target_embedding.*`, `encoder.*`, `decoder.*`, `output.*`.
struct Convolution {
  Convolution(const Scope& scope, const ModelConfig& config)
      : source_embedding(scope / "source_embedding", embedding_options(config, config.source_vocabulary)),
        target_embedding(scope / "target_embedding", embedding_options(config, config.target_vocabulary),
                         ties_source(config) ? source_embedding.weight : Parameter{}),
        encoder(scope / "encoder", config.layers, convolution_options(config)),
        decoder(scope / "decoder", convolution_decoder_options(config, true)),
        output(scope / "output", output_options(config), ties_output(config) ? target_embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  // source (S, B) → memory (C, S, B).
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, const TokenView& source, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, source, position_range, pass);
    const Var<T> embedded = source_embedding(tape, source, placed);
    return scale(add(encoder(embedded, source.lengths, placed), embedded), 1 / std::numbers::sqrt2);
  }

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, Var<T> memory, const TokenView& source, const TokenView& input, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return decoder(target_embedding(tape, input, placed), memory, Mask::padding(source), placed);
  }

  template <Scalar T>
  Var<T> features(Tape<T>& tape, const BatchView& batch, const Pass& pass) const {
    return decode(tape, encode(tape, batch.source(), pass), batch.source(), batch.input(), pass);
  }

  template <RealScalar T>
  std::unique_ptr<DecodingState<T>> begin(Tape<T>& tape, const Sources& sources) const {
    // The source is encoded once; behind that its keys and values are remembered, and what each convolution has read.
    const auto next = [this](Tape<T>& on, const TokenView& source, const TokenView& input, const Pass& pass) {
      return decode(on, pass.cache->any() ? Var<T>{} : encode(on, source, Pass{}), source, input, pass);
    };
    return begin_beside<T>(tape, sources, max_positions, output, next);
  }

  Embedding source_embedding, target_embedding;
  ConvolutionEncoder encoder;
  ConvolutionDecoder decoder;
  Linear output;
  std::int64_t max_positions, position_range;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.source) + convolution_values(config, longest.source, 0) +
         embedding_values(config, longest.target) + convolution_values(config, longest.target, longest.source) +
         output_values(config, longest.target);
}

void check(const ModelConfig& config) {
  require_source_vocabulary(config);
  if (ties_source(config)) require_same_vocabularies(config, "all", "output");
}

}  // namespace

ModelSpec model_spec_convolution() {
  const ModelConfig narrow{.model = "convolution", .layers = 2, .heads = 2, .d_model = 6, .dropout = 0.2};
  ModelConfig tied = narrow;
  tied.layers = 1;
  tied.convolution.width = 2;
  tied.tie = "all";
  tied.positions = "learned";
  tied.stages.score = "cosine";
  return {.name = "convolution",
          .description = "convolutional encoder and decoder, with attention in each layer of the decoder",
          .reads = {Column::source, Column::input, Column::expected},
          .check = check,
          .make = make_family<Convolution>,
          .values = values,
          .crosses = true,
          .kind = ModelKind::convolutional,
          .embeddings = 2,
          .cases = {{"width_3", narrow}, {"width_2_tied_learned", tied}}};
}

}  // namespace tapehead
