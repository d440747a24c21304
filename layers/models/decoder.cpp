#include "layers/models/decoder.hpp"

#include "layers/models/spec.hpp"

namespace tapehead {

Decoder::Decoder(const Scope& scope, const ModelConfig& config)
    : embedding(scope / "embedding", {.channels = config.d_model,
                                      .vocabulary = config.target_vocabulary,
                                      .positions = parse_positions(config.positions),
                                      .max_positions = config.max_positions,
                                      .dropout = config.dropout}),
      decoder(scope / "decoder", stack_options(config)),
      output(scope / "output", {config.d_model, config.target_vocabulary},
             ties_output(config) ? embedding.weight : Parameter{}) {}

template <Scalar T>
Var<T> Decoder::decode(Tape<T>& tape, TokenView input, const Pass& pass) const {
  return decoder(embedding(tape, input, pass), Mask::causal(), pass);
}

template Var<float> Decoder::decode(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Decoder::decode(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Decoder::decode(Tape<std::complex<double>>&, TokenView, const Pass&) const;

ModelSpec model_spec_decoder() {
  const ModelConfig pre{.model = "decoder", .layers = 1, .heads = 2, .d_model = 6, .d_ff = 8, .dropout = 0.2};
  ModelConfig gelu = pre;
  gelu.layers = 2;
  gelu.activation = "gelu";
  gelu.positions = "learned";
  gelu.initialisation = "normal";
  gelu.scale = "inv_dk";
  ModelConfig modern = pre;
  modern.norm_kind = "rms";
  modern.activation = "silu";
  modern.initialisation = "kaiming";
  modern.tie = "output";
  return {"decoder",
          {{"pre_relu", pre}, {"two_layers_gelu_learned", gelu}, {"rms_silu_tied", modern}},
          "decoder alone: source and target are one sequence"};
}

}  // namespace tapehead
