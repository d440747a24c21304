#include "layers/linear.hpp"

#include "autograd/ops/affine.hpp"
#include "layers/spec.hpp"

namespace tapehead {

Linear::Linear(const Scope& scope, const Options& options, const Parameter& shared)
    : weight(scope.declare_or_share(scope.weight("weight", options.in, options.out, options.factor), shared)),
      bias(options.has_bias ? scope.declare({scope.vector("bias", options.out, options.first_bias)}) : Parameter{}) {}

namespace {

template <Scalar T>
Var<T> applied(Var<T> x, const Parameter& weight, const Parameter& bias) {
  return affine(x, x.tape().leaf(weight), bias ? x.tape().leaf(bias) : Var<T>{});
}

}  // namespace

template <Scalar T>
Var<T> Linear::operator()(Var<T> x) const {
  return applied(x, weight, bias);
}

JoinedLinear::JoinedLinear(const Scope& scope, std::int64_t in, const std::vector<Part>& parts, bool has_bias) {
  std::vector<ParameterRange> weights;
  std::vector<ParameterRange> biases;
  for (const Part& part : parts) {
    weights.push_back((scope / part.name).weight("weight", in, part.out, part.factor));
    biases.push_back((scope / part.name).vector("bias", part.out, part.first_bias));
  }
  weight = scope.declare(std::move(weights));
  if (has_bias) bias = scope.declare(std::move(biases), ParameterLayout::Join::rows);
}

template <Scalar T>
Var<T> JoinedLinear::operator()(Var<T> x) const {
  return applied(x, weight, bias);
}

template Var<float> Linear::operator()(Var<float>) const;
template Var<double> Linear::operator()(Var<double>) const;
template Var<std::complex<double>> Linear::operator()(Var<std::complex<double>>) const;
template Var<float> JoinedLinear::operator()(Var<float>) const;
template Var<double> JoinedLinear::operator()(Var<double>) const;
template Var<std::complex<double>> JoinedLinear::operator()(Var<std::complex<double>>) const;

LayerSpec layer_spec_linear() {
  const auto call = [](const auto& layer, auto&, auto x) { return layer(x[0]); };
  return {"linear",
          {layer_case(
               "linear/in6_out5", {sample_activations()},
               [](const Scope& scope) { return Linear(scope, {.in = 6, .out = 5}); }, call),
           layer_case(
               "linear/without_bias", {sample_activations()},
               [](const Scope& scope) { return Linear(scope, {.in = 6, .out = 5, .has_bias = false}); }, call),
           layer_case(
               "linear/joined", {sample_activations()},
               [](const Scope& scope) {
                 return JoinedLinear(scope, 6, {{"a", 2}, {"b", 5}, {"c", 1}});
               },
               call)}};
}

}  // namespace tapehead
