#include "autograd/ops/scale.hpp"

#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> scale(Var<T> x, double factor) {
  Tape<T>& tape = tape_of("scale", {x});
  const auto a = static_cast<T>(factor);
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = tape.allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = a * in[i];

  return tape.record("scale", x.shape(), y, {x}, [x, a, n](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(n, [=](std::int64_t i) { return a * d_y[i]; });  // y = a · x
  });
}

template Var<float> scale(Var<float>, double);
template Var<double> scale(Var<double>, double);
template Var<std::complex<double>> scale(Var<std::complex<double>>, double);

OpSpec spec_scale() {
  return {.name = "scale",
          .cases = {
              {"R3_C4_by_minus_2.5", {{{3, 4}}}, [](auto x) { return scale(x[0], -2.5); }},
              {"R5_C2_S3_by_0", {{{5, 2, 3}}}, [](auto x) { return scale(x[0], 0.0); }},
              {"R67_C3_S6_by_1e-3", {{{67, 3, 6}}}, [](auto x) { return scale(x[0], 1e-3); }},
          }};
}

}  // namespace tapehead
