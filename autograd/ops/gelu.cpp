#include "autograd/ops/gelu.hpp"

#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> gelu(Var<T> x) {
  return map_curve("gelu", x, Curve::gelu);
}

template Var<float> gelu(Var<float>);
template Var<double> gelu(Var<double>);
template Var<std::complex<double>> gelu(Var<std::complex<double>>);

OpSpec spec_gelu() {
  return {.name = "gelu",
          .cases =
              {
                  {"R3_C5", {{{3, 5}, -5, 5}}, [](auto x) { return gelu(x[0]); }},
                  {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return gelu(x[0]); }},
                  {"R67_C3_S6", {{{67, 3, 6}}}, [](auto x) { return gelu(x[0]); }},
                  {"far_above", {{{3, 5}, 5, 30}}, [](auto x) { return gelu(x[0]); }},
                  {"below", {{{3, 5}, -3.5, -2}}, [](auto x) { return gelu(x[0]); }},
              },
          .dual_by_hand = true};
}

}  // namespace tapehead
