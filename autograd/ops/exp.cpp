#include "autograd/ops/exp.hpp"

#include <cmath>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> exp(Var<T> x) {
  const auto fill = [](const T* in, std::int64_t n, T* y) {
    fill_array(
        in, n, y, [](auto... a) { vectors::exp(a...); }, [](T a) { return std::exp(a); });
  };
  return map_array("exp", x, fill, [](T, T y) { return y; });
}

template Var<float> exp(Var<float>);
template Var<double> exp(Var<double>);
template Var<std::complex<double>> exp(Var<std::complex<double>>);

OpSpec spec_exp() {
  const auto call = [](auto x) { return exp(x[0]); };
  return {.name = "exp",
          .cases = {
              {"R3_C5", {{{3, 5}}}, call},
              {"R17_C2_S3", {{{17, 2, 3}}}, call},
              {"R67_C3_S6", {{{67, 3, 6}}}, call},
              {"small", {{{3, 5}, -30, -10}}, call},
              {"large", {{{3, 5}, 10, 30}}, call},
          }};
}

}  // namespace tapehead
