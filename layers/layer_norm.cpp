#include "layers/layer_norm.hpp"

#include "autograd/ops/layer_norm.hpp"
#include "layers/spec.hpp"

namespace tapehead {

LayerNorm::LayerNorm(const Scope& scope, std::int64_t channels)
    : gain(scope.declare({scope.vector("gain", channels, 1)})),
      bias(scope.declare({scope.vector("bias", channels, 0)})) {}

template <Scalar T>
Var<T> LayerNorm::operator()(Var<T> x) const {
  return layer_norm(x, x.tape().leaf(gain), x.tape().leaf(bias));
}

template Var<float> LayerNorm::operator()(Var<float>) const;
template Var<double> LayerNorm::operator()(Var<double>) const;
template Var<std::complex<double>> LayerNorm::operator()(Var<std::complex<double>>) const;

LayerSpec layer_spec_layer_norm() {
  return {"layer_norm",
          {layer_case(
              "layer_norm/C6", {sample_activations()}, [](const Scope& scope) { return LayerNorm(scope, 6); },
              [](const LayerNorm& layer, auto&, auto x) { return layer(x[0]); })}};
}

}  // namespace tapehead
