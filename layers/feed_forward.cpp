#include "layers/feed_forward.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/affine_activation.hpp"

namespace tapehead {

Activation parse_activation(const std::string& text) {
  if (text == "relu") return Activation::relu;
  if (text == "gelu") return Activation::gelu;
  throw ConfigError(fmt::format("activation: \"{}\" is none of relu, gelu", text));
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

}  // namespace tapehead
