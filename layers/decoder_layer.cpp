#include "layers/decoder_layer.hpp"

#include "layers/spec.hpp"

namespace tapehead {

DecoderLayer::DecoderLayer(const Scope& scope, const LayerOptions& o)
    : path(scope.path()),
      self_mixer(make_self_mixer(scope, o)),
      self_mixer_norm(scope / (self_mixer_name(o) + "_norm"), o.channels, o.norm_kind),
      self_mixer_dropout(scope, o.dropout),
      cross_attention(scope / "cross_attention", attention_options(o, o.channels)),
      cross_attention_norm(scope / "cross_attention_norm", o.channels, o.norm_kind),
      cross_attention_dropout(scope, o.dropout),
      feed_forward(scope, o),
      norm(o.norm) {}

template <Scalar T>
Var<T> DecoderLayer::operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask,
                                const Pass& pass) const {
  x = residual(x, self_mixer_norm, self_mixer_dropout, norm, pass,
               [&](Var<T> h) { return self_mixer(h, self_mask, pass); });
  x = residual(x, cross_attention_norm, cross_attention_dropout, norm, pass,
               [&](Var<T> h) { return cross_attention(h, memory, memory_mask, pass); });
  return pass.shown({path, AttentionRole::none, What::stream, 1}, feed_forward(x, pass));
}

template Var<float> DecoderLayer::operator()(Var<float>, Var<float>, const Mask&, const Mask&, const Pass&) const;
template Var<double> DecoderLayer::operator()(Var<double>, Var<double>, const Mask&, const Mask&, const Pass&) const;
template Var<std::complex<double>> DecoderLayer::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                            const Mask&, const Mask&, const Pass&) const;

LayerSpec layer_spec_decoder_layer() {
  const auto with = [](const std::string& label, NormPlace norm) {
    return layer_case(
        "decoder_layer/" + label, {sample_activations(), sample_memory()},
        [norm](const Scope& scope) {
          return DecoderLayer(scope, {.channels = 6, .heads = 2, .inner = 7, .norm = norm, .dropout = 0.2});
        },
        [](const DecoderLayer& layer, auto&, auto x) {
          return layer(x[0], x[1], Mask::causal(), Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {"decoder_layer", {with("pre", NormPlace::pre), with("post", NormPlace::post)}};
}

}  // namespace tapehead
