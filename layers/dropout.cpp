#include "layers/dropout.hpp"

#include "autograd/ops/dropout.hpp"
#include "layers/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> Dropout::operator()(Var<T> x, const Pass& pass) const {
  if (!pass.training) return x;
  return dropout(x, rate, pass.dropout_stream(site), pass.first_example);
}

template Var<float> Dropout::operator()(Var<float>, const Pass&) const;
template Var<double> Dropout::operator()(Var<double>, const Pass&) const;
template Var<std::complex<double>> Dropout::operator()(Var<std::complex<double>>, const Pass&) const;

LayerSpec layer_spec_dropout() {
  return {"dropout",
          {layer_case(
              "dropout/rate_0.3", {sample_activations()}, [](const Scope& scope) { return Dropout(scope, 0.3); },
              [](const Dropout& layer, auto&, auto x) {
                return layer(x[0], Pass{.training = true, .seed = 5, .step = 2, .first_example = 3});
              })}};
}

}  // namespace tapehead
