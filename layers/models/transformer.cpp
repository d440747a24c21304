#include "layers/models/transformer.hpp"

#include "layers/models/spec.hpp"

namespace tapehead {
namespace {

Embedding::Options embedding_options(const ModelConfig& config, std::int64_t vocabulary) {
  return {.channels = config.d_model,
          .vocabulary = vocabulary,
          .positions = parse_positions(config.positions),
          .max_positions = config.max_positions,
          .dropout = config.dropout};
}

}  // namespace

Transformer::Transformer(const Scope& scope, const ModelConfig& config)
    : source_embedding(scope / "source_embedding", embedding_options(config, config.source_vocabulary)),
      target_embedding(scope / "target_embedding", embedding_options(config, config.target_vocabulary),
                       ties_source(config) ? source_embedding.weight : Parameter{}),
      encoder(scope / "encoder", stack_options(config)),
      decoder(scope / "decoder", stack_options(config)),
      output(scope / "output", {config.d_model, config.target_vocabulary},
             ties_output(config) ? target_embedding.weight : Parameter{}) {}

template <Scalar T>
Var<T> Transformer::encode(Tape<T>& tape, TokenView source, const Pass& pass) const {
  return encoder(source_embedding(tape, source, pass), Mask::padding(source), pass);
}

template <Scalar T>
Var<T> Transformer::decode(Tape<T>& tape, Var<T> memory, TokenView source, TokenView input, const Pass& pass) const {
  return decoder(target_embedding(tape, input, pass), memory, Mask::causal(), Mask::padding(source), pass);
}

template Var<float> Transformer::encode(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Transformer::encode(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Transformer::encode(Tape<std::complex<double>>&, TokenView, const Pass&) const;
template Var<float> Transformer::decode(Tape<float>&, Var<float>, TokenView, TokenView, const Pass&) const;
template Var<double> Transformer::decode(Tape<double>&, Var<double>, TokenView, TokenView, const Pass&) const;
template Var<std::complex<double>> Transformer::decode(Tape<std::complex<double>>&, Var<std::complex<double>>,
                                                       TokenView, TokenView, const Pass&) const;

ModelSpec model_spec_transformer() {
  const ModelConfig pre{.model = "transformer", .layers = 1, .heads = 2, .d_model = 6, .d_ff = 8, .dropout = 0.2};
  ModelConfig post = pre;
  post.norm = "post";
  post.activation = "gelu";
  post.positions = "learned";
  post.d_head = 5;
  ModelConfig deep = pre;
  deep.layers = 2;
  deep.attention = "tiled";
  deep.scale = "none";
  ModelConfig tied = pre;
  tied.tie = "all";
  tied.norm_kind = "rms";
  tied.activation = "gelu_tanh";
  tied.norm = "post";
  return {"transformer",
          {{"pre_relu", pre}, {"post_gelu_learned", post}, {"two_layers_tiled", deep}, {"tied_rms_gelu_tanh", tied}},
          "encoder and decoder with cross-attention"};
}

}  // namespace tapehead
