#include "layers/layer_norm.hpp"

#include "autograd/ops/layer_norm.hpp"
#include "layers/spec.hpp"

namespace tapehead {

LayerNorm::LayerNorm(const Scope& scope, std::int64_t channels, bool has_bias, double norm_epsilon)
    : gain(scope.declare({scope.vector("gain", channels, 1)})),
      bias(has_bias ? scope.declare({scope.vector("bias", channels, 0)}) : Parameter{}),
      epsilon(norm_epsilon) {}

template <Scalar T>
Var<T> LayerNorm::operator()(Var<T> x) const {
  return layer_norm(x, x.tape().leaf(gain), bias ? x.tape().leaf(bias) : Var<T>{}, epsilon);
}

template Var<float> LayerNorm::operator()(Var<float>) const;
template Var<double> LayerNorm::operator()(Var<double>) const;
template Var<std::complex<double>> LayerNorm::operator()(Var<std::complex<double>>) const;

LayerSpec layer_spec_layer_norm() {
  const auto with = [](const std::string& label, bool has_bias) {
    return layer_case(
        "layer_norm/" + label, {sample_activations()},
        [has_bias](const Scope& scope) { return LayerNorm(scope, 6, has_bias); },
        [](const LayerNorm& layer, auto&, auto x) { return layer(x[0]); });
  };
  return {"layer_norm", {with("C6", true), with("without_bias", false)}};
}

}  // namespace tapehead
