#include "layers/models/convolution_options.hpp"
#include "layers/models/one_sequence.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

/// The convolutional language model (Dauphin et al. 2017): a token hears of layers · (width − 1) tokens before it.
struct ConvolutionAlone {
  static ConvolutionDecoder stack(const Scope& scope, const ModelConfig& config) {
    return {scope, convolution_decoder_options(config, false)};
  }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static Var<T> read(const ConvolutionDecoder& stack, Var<T> x, const TokenView& /*input*/, const Pass& pass) {
    return stack(x, ConvolutionMemory<T>{}, Mask{}, pass);
  }
  static double values(const ModelConfig& config, std::int64_t positions) {
    return convolution_values(config, positions, 0);
  }
};

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
          .make = make_family<OneSequence<ConvolutionAlone>>,
          .values = OneSequence<ConvolutionAlone>::values,
          .kind = ModelKind::convolutional,
          .cases = {{"width_3", narrow}, {"width_4_tied", tied}},
          .needs = {ValueNeed{"convolution_decoder", none_of("task", "text"),
                              "text pairs have two vocabularies, and a decoder has one"}}};
}

}  // namespace tapehead
