#include "layers/rms_norm.hpp"

#include "autograd/ops/rms_norm.hpp"
#include "layers/spec.hpp"

namespace tapehead {

RmsNorm::RmsNorm(const Scope& scope, std::int64_t channels, double norm_epsilon)
    : gain(scope.declare({scope.vector("gain", channels, 1)})), epsilon(norm_epsilon) {}

template <Scalar T>
Var<T> RmsNorm::operator()(Var<T> x) const {
  return rms_norm(x, x.tape().leaf(gain), epsilon);
}

template Var<float> RmsNorm::operator()(Var<float>) const;
template Var<double> RmsNorm::operator()(Var<double>) const;
template Var<std::complex<double>> RmsNorm::operator()(Var<std::complex<double>>) const;

LayerSpec layer_spec_rms_norm() {
  return {"rms_norm",
          {layer_case(
              "rms_norm/C6", {sample_activations()}, [](const Scope& scope) { return RmsNorm(scope, 6); },
              [](const RmsNorm& layer, auto&, auto x) { return layer(x[0]); })}};
}

}  // namespace tapehead
