#include "layers/attention/value_residual.hpp"

#include "autograd/ops/add.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/scale_heads.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

constexpr double kHalf = 0.5;

Parameter factor(const Scope& scope, const char* name, ValueResidual kind) {
  if (kind != ValueResidual::learned) return {};
  return scope.declare({scope.vector(name, 1, kHalf)});
}

}  // namespace

ValueMix::ValueMix(const Scope& scope, ValueResidual kind)
    : own(factor(scope, "own", kind)), first(factor(scope, "first", kind)) {}

template <Scalar T>
Var<T> ValueMix::operator()(Var<T> own_values, Var<T> first_values) const {
  if (!own) return scale(add(own_values, first_values), kHalf);
  Tape<T>& tape = own_values.tape();
  return add(scale_heads(own_values, tape.leaf(own), HeadsIn::rows),
             scale_heads(first_values, tape.leaf(first), HeadsIn::rows));
}

template Var<float> ValueMix::operator()(Var<float>, Var<float>) const;
template Var<double> ValueMix::operator()(Var<double>, Var<double>) const;
template Var<std::complex<double>> ValueMix::operator()(Var<std::complex<double>>, Var<std::complex<double>>) const;

LayerSpec layer_spec_value_residual() {
  const auto with = [](const std::string& label, ValueResidual kind) {
    const InputSpec first{.shape = {6, 4, 2}, .low = -1, .high = 1, .name = "first"};
    return layer_case(
        "value_residual/" + label, {sample_activations(), first},
        [kind](const Scope& scope) { return ValueMix(scope, kind); },
        [](const ValueMix& mix, auto&, auto x) { return mix(x[0], x[1]); });
  };
  return {"value_residual", {with("equal", ValueResidual::equal), with("learned", ValueResidual::learned)}};
}

}  // namespace tapehead
