#include "layers/models/decoder.hpp"

namespace tapehead {

Decoder::Decoder(const Scope& scope, const ModelConfig& config)
    : embedding(scope / "embedding", {.channels = config.d_model,
                                      .vocabulary = config.target_vocabulary,
                                      .positions = parse_positions(config.positions),
                                      .max_positions = config.max_positions,
                                      .dropout = config.dropout}),
      decoder(scope / "decoder", stack_options(config)),
      output(scope / "output", {config.d_model, config.target_vocabulary}) {}

template <Scalar T>
Var<T> Decoder::decode(Tape<T>& tape, TokenView input, const Pass& pass) const {
  return decoder(embedding(tape, input, pass), Mask::causal(), pass);
}

template Var<float> Decoder::decode(Tape<float>&, TokenView, const Pass&) const;
template Var<double> Decoder::decode(Tape<double>&, TokenView, const Pass&) const;
template Var<std::complex<double>> Decoder::decode(Tape<std::complex<double>>&, TokenView, const Pass&) const;

}  // namespace tapehead
