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
                                      .dropout = o.dropout,
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
                               .rotary = o.rotary});
}

FeedForwardPart::Parts::Parts(const Scope& scope, const LayerOptions& o)
    : layer(scope / "feed_forward", {o.channels, o.inner, o.activation, o.dropout, o.gated, o.inner_bias}),
      norm(scope / "feed_forward_norm", o.channels, o.norm_kind),
      dropout(scope, o.dropout) {}

FeedForwardPart::FeedForwardPart(const Scope& scope, const LayerOptions& o) : norm(o.norm) {
  if (o.inner > 0) parts.emplace(scope, o);
}

template <Scalar T>
Var<T> FeedForwardPart::operator()(Var<T> x, const Pass& pass) const {
  if (!parts) return x;
  return residual(x, parts->norm, parts->dropout, norm, pass, [&](Var<T> h) { return parts->layer(h, pass); });
}

template Var<float> FeedForwardPart::operator()(Var<float>, const Pass&) const;
template Var<double> FeedForwardPart::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> FeedForwardPart::operator()(Var<std::complex<double>>, const Pass&) const;

EncoderLayer::EncoderLayer(const Scope& scope, const LayerOptions& o)
    : path(scope.path()),
      self_mixer(make_self_mixer(scope, o)),
      self_mixer_norm(scope / (self_mixer_name(o) + "_norm"), o.channels, o.norm_kind),
      self_mixer_dropout(scope, o.dropout),
      feed_forward(scope, o),
      norm(o.norm) {}

template <Scalar T>
Var<T> EncoderLayer::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  x = residual(x, self_mixer_norm, self_mixer_dropout, norm, pass, [&](Var<T> h) { return self_mixer(h, mask, pass); });
  return pass.shown({path, AttentionRole::none, What::stream, 1}, feed_forward(x, pass));
}

template Var<float> EncoderLayer::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> EncoderLayer::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> EncoderLayer::operator()(Var<std::complex<double>>, const Mask&, const Pass&) const;

LayerSpec layer_spec_encoder_layer() {
  const auto with = [](const std::string& label, NormPlace norm, std::int64_t inner = 7) {
    return layer_case(
        "encoder_layer/" + label, {sample_activations()},
        [norm, inner](const Scope& scope) {
          return EncoderLayer(scope, {.channels = 6, .heads = 2, .inner = inner, .norm = norm, .dropout = 0.2});
        },
        [](const EncoderLayer& layer, auto&, auto x) {
          return layer(x[0], Mask::causal() & Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        });
  };
  return {"encoder_layer",
          {with("pre", NormPlace::pre), with("post", NormPlace::post), with("of_attention_alone", NormPlace::pre, 0)}};
}

}  // namespace tapehead
