#include "layers/feed_forward.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/affine_activation.hpp"
#include "layers/spec.hpp"

namespace tapehead {

Activation parse_activation(const std::string& text) {
  if (text == "relu") return Activation::relu;
  if (text == "gelu") return Activation::gelu;
  if (text == "gelu_tanh") return Activation::gelu_tanh;
  if (text == "silu") return Activation::silu;
  throw ConfigError(fmt::format("activation: \"{}\" is none of relu, gelu, gelu_tanh, silu", text));
}

FeedForward::FeedForward(const Scope& scope, const Options& options)
    : inner(scope / "inner", {options.channels, options.inner}),
      outer(scope / "outer", {options.inner, options.channels}),
      dropout(scope, options.dropout),
      activation(options.activation) {}

template <Scalar T>
Var<T> FeedForward::operator()(Var<T> x, const Pass& pass) const {
  Tape<T>& tape = x.tape();
  const Var<T> hidden = affine_activation(x, tape.leaf(inner.weight), tape.leaf(inner.bias), activation);
  return outer(dropout(hidden, pass));
}

template Var<float> FeedForward::operator()(Var<float>, const Pass&) const;
template Var<double> FeedForward::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> FeedForward::operator()(Var<std::complex<double>>, const Pass&) const;

LayerSpec layer_spec_feed_forward() {
  const auto with = [](const std::string& label, Activation activation) {
    return layer_case(
        "feed_forward/" + label, {sample_activations()},
        [activation](const Scope& scope) {
          return FeedForward(scope, {.channels = 6, .inner = 9, .activation = activation, .dropout = 0.2});
        },
        [](const FeedForward& layer, auto&, auto x) { return layer(x[0], Pass{.training = true, .seed = 5}); });
  };
  return {"feed_forward",
          {with("relu", Activation::relu), with("gelu", Activation::gelu), with("gelu_tanh", Activation::gelu_tanh),
           with("silu", Activation::silu)}};
}

}  // namespace tapehead
