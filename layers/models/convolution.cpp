#include <cmath>

#include "autograd/ops/add.hpp"
#include "autograd/ops/scale_heads.hpp"
#include "layers/models/convolution_options.hpp"
#include "layers/models/source_and_target.hpp"
#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

// (z + e) √½ · √m, in each example of m positions. Contexts are means of these: with all weights alike, the variance of
// one is an m-th of theirs.
template <Scalar T>
Var<T> values_of(Var<T> z, Var<T> e, const std::int32_t* lengths) {
  const auto [channels, positions, examples] = z.shape();
  T* factors = z.tape().allocate(examples);
  for (std::int64_t b = 0; b < examples; ++b) {
    const auto length = static_cast<double>(lengths != nullptr ? lengths[b] : positions);
    factors[b] = static_cast<Real<T>>(std::sqrt(length / 2));
  }
  return scale_heads(add(z, e), z.tape().constant({examples}, factors), HeadsIn::slices);
}

/// The convolutional encoder–decoder (Gehring et al. 2017): gated convolutions in place of recurrence, and attention in
/// every layer of the decoder. Keys are made of what the encoder says of a token, z; values of that and the token
/// itself, (z + e) √½, multiplied by the root of the number of positions (§3.3, eq. 2; §3.4).
struct Convolution {
  template <Scalar T>
  using Memory = ConvolutionMemory<T>;

  static ConvolutionEncoder encoder(const Scope& scope, const ModelConfig& config) {
    return {scope, config.layers, convolution_options(config)};
  }
  static ConvolutionDecoder decoder(const Scope& scope, const ModelConfig& config) {
    return {scope, convolution_decoder_options(config, true)};
  }
  static Embedding::Options embedding(const ModelConfig& config, std::int64_t vocabulary) {
    return embedding_options(config, vocabulary);
  }
  template <Scalar T>
  static ConvolutionMemory<T> encode(const ConvolutionEncoder& stack, Var<T> x, const TokenView& source,
                                     const Pass& pass) {
    const Var<T> encoded = stack(x, source.lengths, pass);
    return {encoded, values_of(encoded, x, source.lengths)};
  }
  template <Scalar T>
  static Var<T> decode(const ConvolutionDecoder& stack, Var<T> x, const ConvolutionMemory<T>& memory,
                       const TokenView& source, const TokenView& /*input*/, const Pass& pass) {
    return stack(x, memory, Mask::padding(source), pass);
  }
  static double values(const ModelConfig& config, const SequenceLengths& longest) {
    return convolution_values(config, longest.source, 0) + convolution_values(config, longest.target, longest.source);
  }
};

}  // namespace

ModelSpec model_spec_convolution() {
  const ModelConfig narrow{
      .model = "convolution", .layers = 2, .heads = 2, .d_model = 6, .scale = "inv_dk", .dropout = 0.2};
  ModelConfig tied = narrow;
  tied.layers = 1;
  tied.convolution.width = 2;
  tied.tie = "all";
  tied.positions = "learned";
  tied.stages.score = "cosine";
  return {.name = "convolution",
          .description = "convolutional encoder and decoder, with attention in each layer of the decoder",
          .reads = {Column::source, Column::input, Column::expected},
          .check = SourceAndTarget<Convolution>::check,
          .make = make_family<SourceAndTarget<Convolution>>,
          .values = SourceAndTarget<Convolution>::values,
          .crosses = true,
          .kind = ModelKind::convolutional,
          .embeddings = 2,
          .cases = {{"width_3", narrow}, {"width_2_tied_learned", tied}}};
}

}  // namespace tapehead
