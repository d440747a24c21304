#include "autograd/ops/sigmoid.hpp"

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/elementwise.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
template <Scalar T>
Var<T> sigmoid(Var<T> x) {
  const auto fill = [](const T* in, std::int64_t n, T* y) {
    fill_array(
        in, n, y, [](auto... a) { vectors::sigmoid(a...); }, logistic<T>);
  };
  return map_array("sigmoid", x, fill, [](T, T y) { return y * (T(1) - y); });
}

template Var<float> sigmoid(Var<float>);
template Var<double> sigmoid(Var<double>);
template Var<std::complex<double>> sigmoid(Var<std::complex<double>>);

OpSpec spec_sigmoid() {
  const auto call = [](auto x) { return sigmoid(x[0]); };
  return {.name = "sigmoid",
          .cases = {
              {"R3_C5", {{{3, 5}}}, call},
              {"R17_C2_S3", {{{17, 2, 3}}}, call},
              {"R67_C3_S6", {{{67, 3, 6}}}, call},
              {"saturated", {{{7, 5}, -12, 12}}, call},
              {"near_zero", {{{3, 5}, -40, -20}}, call},
          }};
}

}  // namespace tapehead
