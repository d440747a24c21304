#include "layers/attention/drawn_positions.hpp"
#include "layers/embedding.hpp"
#include "layers/models/cached_state.hpp"
#include "layers/models/convolution_options.hpp"
#include "layers/models/family.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// The convolutional language model (Dauphin et al. 2017): a token hears of layers · (width − 1) tokens before it.
/// Parameters `embedding.*`, `decoder.*`, `output.*`.
struct ConvolutionAlone {
  ConvolutionAlone(const Scope& scope, const ModelConfig& config)
      : embedding(scope / "embedding", embedding_options(config, config.target_vocabulary)),
        decoder(scope / "decoder", convolution_decoder_options(config, false)),
        output(scope / "output", output_options(config), ties_output(config) ? embedding.weight : Parameter{}),
        max_positions(config.max_positions),
        position_range(config.position_range) {}

  // input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, const TokenView& input, const Pass& pass) const {
    const Pass placed = with_drawn_positions(tape, input, position_range, pass);
    return decoder(embedding(tape, input, placed), Var<T>{}, Mask{}, placed);
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
  ConvolutionDecoder decoder;
  Linear output;
  std::int64_t max_positions, position_range;
};

double values(const ModelConfig& config, const SequenceLengths& longest) {
  return embedding_values(config, longest.target) + convolution_values(config, longest.target, 0) +
         output_values(config, longest.target);
}

}  // namespace

ModelSpec model_spec_convolution_decoder() {
  const ModelConfig narrow{.model = "convolution_decoder", .layers = 2, .d_model = 6, .dropout = 0.2};
  ModelConfig tied = narrow;
  tied.layers = 1;
  tied.convolution.width = 4;
  tied.tie = "output";
  tied.positions = "none";
  return {.name = "convolution_decoder",
          .description = "causal convolutions alone: source and target are one sequence",
          .reads = {Column::input, Column::expected},
          .check = [](const ModelConfig&) {},
          .make = make_family<ConvolutionAlone>,
          .values = values,
          .kind = ModelKind::convolutional,
          .cases = {{"width_3", narrow}, {"width_4_tied", tied}},
          .needs = {ValueNeed{"convolution_decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
