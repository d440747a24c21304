#include "layers/feed_forward.hpp"

#include <fmt/format.h>

#include <utility>

#include "autograd/base/errors.hpp"
#include "autograd/ops/affine_activation.hpp"
#include "autograd/ops/gated.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

constexpr std::pair<const char*, Activation> kActivations[] = {
    {"relu", Activation::relu}, {"gelu", Activation::gelu},       {"gelu_tanh", Activation::gelu_tanh},
    {"silu", Activation::silu}, {"sigmoid", Activation::sigmoid}, {"tanh", Activation::tanh}};

std::string listed(const char* between) {
  std::string names;
  for (const auto& [name, activation] : kActivations) names += (names.empty() ? "" : between) + std::string(name);
  return names;
}

std::vector<JoinedLinear::Part> inner_parts(const FeedForward::Options& options) {
  if (options.gated) return {{"gate", options.inner}, {"inner", options.inner}};
  return {{"inner", options.inner}};
}

}  // namespace

Activation parse_activation(const std::string& text) {
  for (const auto& [name, activation] : kActivations) {
    if (text == name) return activation;
  }
  throw ConfigError(fmt::format("activation: \"{}\" is none of {}", text, listed(", ")));
}

const char* activation_names() {
  static const std::string names = listed(" ");
  return names.c_str();
}

Fields<FeedForwardChoices> FeedForwardChoices::fields() {
  constexpr Condition kThere = one_of("feed-forward", "plain gated");
  return {
      {&FeedForwardChoices::kind,
       {.name = "feed-forward",
        .choices = "plain gated none",
        .help = "what follows attention in a layer; gated multiplies two inner parts, none leaves attention alone",
        .when = "gated, with silu, is common in newer models; none shows what attention does by itself"}},
      {&FeedForwardChoices::activation,
       {.name = "activation",
        .choices = activation_names(),
        .help = "of the feed-forward layers",
        .when = "gelu and silu are common in newer models",
        .gives_weights_meaning = true,
        .applies_when = {kThere}}},
      {&FeedForwardChoices::bias,
       {.name = "feed-forward-bias",
        .choices = "yes no",
        .help = "whether feed-forward layers have biases",
        .when = "no is common in newer models",
        .applies_when = {kThere}}},
  };
}

FeedForward::FeedForward(const Scope& scope, const Options& options)
    : inner(scope, options.channels, inner_parts(options), options.has_bias),
      outer(scope / "outer", {.in = options.inner,
                              .out = options.channels,
                              .has_bias = options.has_bias,
                              .factor = options.output_factor}),
      dropout(scope, options.dropout),
      activation(options.activation),
      gated(options.gated) {}

template <Scalar T>
Var<T> FeedForward::operator()(Var<T> x, const Pass& pass) const {
  Tape<T>& tape = x.tape();
  const Var<T> bias = inner.bias ? tape.leaf(inner.bias) : Var<T>{};
  const Var<T> hidden =
      gated ? tapehead::gated(inner(x), activation) : affine_activation(x, tape.leaf(inner.weight), bias, activation);
  return outer(dropout(hidden, pass));
}

template Var<float> FeedForward::operator()(Var<float>, const Pass&) const;
template Var<double> FeedForward::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> FeedForward::operator()(Var<std::complex<double>>, const Pass&) const;

LayerSpec layer_spec_feed_forward() {
  const auto with = [](const std::string& label, Activation activation, bool gated, bool has_bias = true) {
    const FeedForward::Options options{
        .channels = 6, .inner = 9, .activation = activation, .dropout = 0.2, .gated = gated, .has_bias = has_bias};
    return layer_case(
        "feed_forward/" + label, {sample_activations()},
        [options](const Scope& scope) { return FeedForward(scope, options); },
        [](const FeedForward& layer, auto&, auto x) { return layer(x[0], Pass{.training = true, .seed = 5}); });
  };
  std::vector<ProblemCase> cases;
  for (const auto& [name, activation] : kActivations) {
    cases.push_back(with(name, activation, false));
    cases.push_back(with(std::string("gated_") + name, activation, true));
  }
  cases.push_back(with("gated_without_bias", Activation::silu, true, false));
  cases.push_back(with("without_bias", Activation::relu, false, false));
  return {"feed_forward", std::move(cases)};
}

}  // namespace tapehead
