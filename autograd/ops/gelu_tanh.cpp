#include "autograd/ops/gelu_tanh.hpp"

#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> gelu_tanh(Var<T> x) {
  return map_curve("gelu_tanh", x, Curve::gelu_tanh);
}

template Var<float> gelu_tanh(Var<float>);
template Var<double> gelu_tanh(Var<double>);
template Var<std::complex<double>> gelu_tanh(Var<std::complex<double>>);

OpSpec spec_gelu_tanh() {
  return {.name = "gelu_tanh",
          .cases = {
              {"R3_C5", {{{3, 5}, -5, 5}}, [](auto x) { return gelu_tanh(x[0]); }},
              {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return gelu_tanh(x[0]); }},
              {"R67_C3_S6", {{{67, 3, 6}}}, [](auto x) { return gelu_tanh(x[0]); }},
              {"saturated", {{{7, 5}, -12, 12}}, [](auto x) { return gelu_tanh(x[0]); }},
          }};
}

}  // namespace tapehead
