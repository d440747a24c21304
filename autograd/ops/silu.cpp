#include "autograd/ops/silu.hpp"

#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> silu(Var<T> x) {
  return map_curve("silu", x, Curve::silu);
}

template Var<float> silu(Var<float>);
template Var<double> silu(Var<double>);
template Var<std::complex<double>> silu(Var<std::complex<double>>);

OpSpec spec_silu() {
  return {.name = "silu",
          .cases = {
              {"R3_C5", {{{3, 5}, -5, 5}}, [](auto x) { return silu(x[0]); }},
              {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return silu(x[0]); }},
              {"R67_C3_S6", {{{67, 3, 6}}}, [](auto x) { return silu(x[0]); }},
              {"saturated", {{{7, 5}, -40, 40}}, [](auto x) { return silu(x[0]); }},
          }};
}

}  // namespace tapehead
