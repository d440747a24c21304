#include "layers/stacks.hpp"

#include "layers/spec.hpp"

#include <string>

namespace tapehead {
namespace {

template <class Layer>
std::vector<Layer> make_layers(const Scope& scope, const StackOptions& options) {
  std::vector<Layer> layers;
  for (std::int64_t i = 0; i < options.layers; ++i) {
    layers.emplace_back(scope / "layers" / std::to_string(i), options.layer);
  }
  return layers;
}

std::optional<Norm> make_norm(const Scope& scope, const StackOptions& options) {
  if (!options.final_norm) return std::nullopt;
  return Norm(scope / "norm", options.layer.channels, options.layer.norm_kind);
}

}  // namespace

Encoder::Encoder(const Scope& scope, const StackOptions& options)
    : layers(make_layers<EncoderLayer>(scope, options)), norm(make_norm(scope, options)) {}

template <Scalar T>
Var<T> Encoder::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  for (const EncoderLayer& layer : layers) x = layer(x, mask, pass);
  return norm ? (*norm)(x) : x;
}

CrossDecoder::CrossDecoder(const Scope& scope, const StackOptions& options)
    : layers(make_layers<DecoderLayer>(scope, options)), norm(make_norm(scope, options)) {}

template <Scalar T>
Var<T> CrossDecoder::operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask,
                                const Pass& pass) const {
  for (const DecoderLayer& layer : layers) x = layer(x, memory, self_mask, memory_mask, pass);
  return norm ? (*norm)(x) : x;
}

template Var<float> Encoder::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> Encoder::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> Encoder::operator()(Var<std::complex<double>>, const Mask&, const Pass&) const;
template Var<float> CrossDecoder::operator()(Var<float>, Var<float>, const Mask&, const Mask&, const Pass&) const;
template Var<double> CrossDecoder::operator()(Var<double>, Var<double>, const Mask&, const Mask&, const Pass&) const;
template Var<std::complex<double>> CrossDecoder::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                            const Mask&, const Mask&, const Pass&) const;

LayerSpec layer_spec_stacks() {
  const auto options = [](NormPlace norm) {
    return LayerOptions{
        .channels = 6, .heads = 2, .inner = 7, .norm = norm, .activation = Activation::gelu, .dropout = 0.2};
  };
  const auto encoder = [&](const std::string& label, NormPlace norm) {
    return layer_case(
        "stacks/" + label, {sample_activations()},
        [layer = options(norm)](const Scope& scope) {
          return Encoder(scope, {.layers = 2, .layer = layer, .final_norm = false});
        },
        [](const Encoder& stack, auto&, auto x) { return stack(x[0], Mask{}, Pass{.training = true, .seed = 5}); });
  };
  const auto cross_decoder = [&](const std::string& label, NormPlace norm) {
    return layer_case(
        "stacks/" + label, {sample_activations(), sample_memory()},
        [layer = options(norm)](const Scope& scope) { return CrossDecoder(scope, {.layers = 2, .layer = layer}); },
        [](const CrossDecoder& stack, auto&, auto x) {
          return stack(x[0], x[1], Mask::causal(), Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {"stacks",
          {encoder("encoder_without_final_norm", NormPlace::pre),
           encoder("encoder_without_final_norm_post", NormPlace::post), cross_decoder("cross_decoder", NormPlace::pre),
           cross_decoder("cross_decoder_post", NormPlace::post)}};
}

}  // namespace tapehead
