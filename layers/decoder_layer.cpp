#include "layers/decoder_layer.hpp"

#include "layers/spec.hpp"

namespace tapehead {

DecoderLayer::DecoderLayer(const Scope& scope, const LayerOptions& o)
    : path(scope.path()),
      self_mixer(make_self_mixer(scope, o)),
      residual(make_residual(scope, self_mixer_name(o), o)),
      cross_attention(scope / "cross_attention", attention_options(o, o.channels)),
      cross_residual(o.parallel ? std::optional<Residual>() : make_residual(scope, "cross_attention", o)),
      feed_forward(scope, o) {}

template <Scalar T>
Var<T> DecoderLayer::operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask,
                                const Pass& pass, Var<T>* first_values) const {
  const auto asked = [&](Var<T> h) { return cross_attention(h, memory, memory_mask, pass); };
  x = residual(x, pass, [&](Var<T> h) {
    const Var<T> heard = self_mixer(h, self_mask, pass, first_values);
    return cross_residual ? heard : feed_forward.beside(add(heard, asked(h)), h, pass);
  });
  if (cross_residual) x = (*cross_residual)(x, pass, asked);
  return pass.shown({path, AttentionRole::none, What::stream, 1}, feed_forward(x, pass));
}

template Var<float> DecoderLayer::operator()(Var<float>, Var<float>, const Mask&, const Mask&, const Pass&,
                                             Var<float>*) const;
template Var<double> DecoderLayer::operator()(Var<double>, Var<double>, const Mask&, const Mask&, const Pass&,
                                              Var<double>*) const;
template Var<std::complex<double>> DecoderLayer::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                            const Mask&, const Mask&, const Pass&,
                                                            Var<std::complex<double>>*) const;

LayerSpec layer_spec_decoder_layer() {
  const auto with = [](const std::string& label, NormPlace norm, bool parallel = false) {
    const LayerOptions options{.channels = 6,
                               .heads = 2,
                               .inner = 7,
                               .norm = norm,
                               .parallel = parallel,
                               .dropout = 0.2,
                               .attention_dropout = 0.2,
                               .inner_dropout = 0.2};
    return layer_case(
        "decoder_layer/" + label, {sample_activations(), sample_memory()},
        [options](const Scope& scope) { return DecoderLayer(scope, options); },
        [](const DecoderLayer& layer, auto&, auto x) {
          return layer(x[0], x[1], Mask::causal(), Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {"decoder_layer",
          {with("pre", NormPlace::pre), with("post", NormPlace::post), with("both", NormPlace::both),
           with("without_norms", NormPlace::none), with("parallel", NormPlace::pre, true),
           with("parallel_post", NormPlace::post, true)}};
}

}  // namespace tapehead
