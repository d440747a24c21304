#include "autograd/ops/log.hpp"

#include <cmath>

#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> log(Var<T> x) {
  return map_elements(
      "log", x, [](T a) { return std::log(a); }, [](T a, T) { return T(1) / a; });
}

template Var<float> log(Var<float>);
template Var<double> log(Var<double>);
template Var<std::complex<double>> log(Var<std::complex<double>>);

OpSpec spec_log() {
  const auto call = [](auto x) { return log(x[0]); };
  return {.name = "log",
          .cases = {
              {"R3_C5", {{{3, 5}, 0.5, 3}}, call},
              {"R17_C2_S3", {{{17, 2, 3}, 0.5, 3}}, call},
              {"R67_C3_S6", {{{67, 3, 6}, 0.5, 3}}, call},
              {"large", {{{3, 5}, 1e3, 1e6}}, call},
          }};
}

}  // namespace tapehead
