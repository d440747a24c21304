#include "autograd/ops/tanh.hpp"

#include <cmath>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> tanh(Var<T> x) {
  const auto fill = [](const T* in, std::int64_t n, T* y) {
    fill_array(
        in, n, y, [](auto... a) { vectors::tanh(a...); }, [](T a) { return std::tanh(a); });
  };
  return map_array("tanh", x, fill, [](T, T y) { return T(1) - y * y; });
}

template Var<float> tanh(Var<float>);
template Var<double> tanh(Var<double>);
template Var<std::complex<double>> tanh(Var<std::complex<double>>);

OpSpec spec_tanh() {
  const auto call = [](auto x) { return tanh(x[0]); };
  return {.name = "tanh",
          .cases = {
              {"R3_C5", {{{3, 5}}}, call},
              {"R17_C2_S3", {{{17, 2, 3}}}, call},
              {"R67_C3_S6", {{{67, 3, 6}}}, call},
              {"saturated", {{{7, 5}, -7, 7}}, call},
              {"near_the_origin", {{{3, 5}, -1e-4, 1e-4}}, call},
          }};
}

}  // namespace tapehead
