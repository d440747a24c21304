#include "layers/encoder_layer.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "layers/spec.hpp"

namespace tapehead {

MultiHeadAttention::Options attention_options(const LayerOptions& o, std::int64_t memory_channels) {
  MultiHeadAttention::Options options{.channels = o.channels,
                                      .memory_channels = memory_channels,
                                      .heads = o.heads,
                                      .key_width = o.key_width,
                                      .value_width = o.value_width,
                                      .head = o.head,
                                      .scale = o.scale,
                                      .learned_scale = o.learned_scale,
                                      .stages = o.stages,
                                      .rotary = o.rotary,
                                      .visible = memory_channels > 0 ? Mask{} : o.visible,
                                      .value_residual = memory_channels > 0 ? ValueResidual::none : o.value_residual,
                                      .dropout = o.attention_dropout,
                                      .output_factor = o.output_factor,
                                      .query_factor = o.query_factor,
                                      .kernel = o.kernel};
  // Where a query stands among the keys of a memory is not known.
  if (memory_channels > 0) options.stages.bias = "none";
  return options;
}

std::string self_mixer_name(const LayerOptions& o) { return o.mixer == "attention" ? "self_attention" : "mixer"; }

SelfMixer make_self_mixer(const Scope& layer, const LayerOptions& o) {
  const Scope scope = layer / self_mixer_name(o);
  if (o.mixer == "attention") return MultiHeadAttention(scope, attention_options(o, 0));
  if (o.stages.bias != "none") {
    throw ConfigError(
        fmt::format("positions: {} does not apply to mixer {}, which has no scores to add to", o.stages.bias, o.mixer));
  }
  const std::int64_t width = o.key_width > 0 || o.heads < 1 ? o.key_width : o.channels / o.heads;
  return SequenceMixer(scope, {.mixer = o.mixer,
                               .channels = o.channels,
                               .sizes = {o.heads, width, o.value_width > 0 ? o.value_width : width},
                               .projection_bias = o.head.projection_bias != "no",
                               .rotary = o.rotary,
                               .output_factor = o.output_factor});
}

NormOptions norm_options(const LayerOptions& o) {
  return {.channels = o.channels, .kind = o.norm_kind, .has_bias = o.norm_bias, .epsilon = o.norm_epsilon};
}

Residual make_residual(const Scope& layer, const std::string& part, const LayerOptions& o) {
  return {layer, o.parallel ? "" : part, {.place = o.norm, .norm = norm_options(o), .dropout = o.dropout}};
}

FeedForwardPart::FeedForwardPart(const Scope& scope, const LayerOptions& o) {
  if (o.inner == 0) return;
  layer.emplace(scope / "feed_forward", FeedForward::Options{.channels = o.channels,
                                                             .inner = o.inner,
                                                             .activation = o.activation,
                                                             .dropout = o.inner_dropout,
                                                             .gated = o.gated,
                                                             .has_bias = o.inner_bias,
                                                             .output_factor = o.output_factor});
  if (!o.parallel) residual = make_residual(scope, "feed_forward", o);
}

template <Scalar T>
Var<T> FeedForwardPart::operator()(Var<T> x, const Pass& pass) const {
  if (!residual) return x;
  return (*residual)(x, pass, [&](Var<T> h) { return (*layer)(h, pass); });
}

template <Scalar T>
Var<T> FeedForwardPart::beside(Var<T> other, Var<T> x, const Pass& pass) const {
  return layer ? add(other, (*layer)(x, pass)) : other;
}

template Var<float> FeedForwardPart::operator()(Var<float>, const Pass&) const;
template Var<double> FeedForwardPart::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> FeedForwardPart::operator()(Var<std::complex<double>>, const Pass&) const;
template Var<float> FeedForwardPart::beside(Var<float>, Var<float>, const Pass&) const;
template Var<double> FeedForwardPart::beside(Var<double>, Var<double>, const Pass&) const;
template Var<std::complex<double>> FeedForwardPart::beside(Var<std::complex<double>>, Var<std::complex<double>>,
                                                           const Pass&) const;

EncoderLayer::EncoderLayer(const Scope& scope, const LayerOptions& o)
    : path(scope.path()),
      self_mixer(make_self_mixer(scope, o)),
      residual(make_residual(scope, self_mixer_name(o), o)),
      feed_forward(scope, o),
      parallel(o.parallel) {}

template <Scalar T>
Var<T> EncoderLayer::operator()(Var<T> x, const Mask& mask, const Pass& pass, Var<T>* first_values) const {
  x = residual(x, pass, [&](Var<T> h) {
    const Var<T> heard = self_mixer(h, mask, pass, first_values);
    return parallel ? feed_forward.beside(heard, h, pass) : heard;
  });
  return pass.shown({path, AttentionRole::none, What::stream, 1}, feed_forward(x, pass));
}

template Var<float> EncoderLayer::operator()(Var<float>, const Mask&, const Pass&, Var<float>*) const;
template Var<double> EncoderLayer::operator()(Var<double>, const Mask&, const Pass&, Var<double>*) const;
template Var<std::complex<double>> EncoderLayer::operator()(Var<std::complex<double>>, const Mask&, const Pass&,
                                                            Var<std::complex<double>>*) const;

LayerSpec layer_spec_encoder_layer() {
  const auto with = [](const std::string& label, LayerOptions options) {
    options.channels = 6;
    options.heads = 2;
    options.dropout = options.attention_dropout = options.inner_dropout = 0.2;
    return layer_case(
        "encoder_layer/" + label, {sample_activations()},
        [options](const Scope& scope) { return EncoderLayer(scope, options); },
        [](const EncoderLayer& layer, auto&, auto x) {
          return layer(x[0], Mask::causal() & Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {
      "encoder_layer",
      {with("pre", {.inner = 7}), with("post", {.inner = 7, .norm = NormPlace::post}), with("of_attention_alone", {}),
       with("both", {.inner = 7, .norm = NormPlace::both, .norm_bias = false}),
       with("without_norms", {.inner = 7, .norm = NormPlace::none}), with("parallel", {.inner = 7, .parallel = true}),
       with("parallel_post_rms", {.inner = 7, .norm = NormPlace::post, .norm_kind = NormKind::rms, .parallel = true}),
       with("parallel_both", {.inner = 7, .norm = NormPlace::both, .parallel = true})}};
}

}  // namespace tapehead
