#include "autograd/ops/cube.hpp"

#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> cube(Var<T> x) {
  Tape<T>& tape = tape_of("cube", {x});  // refuses an empty or a stale x by the name of the op
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = tape.allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = in[i] * in[i] * in[i];

  return tape.record("cube", x.shape(), y, {x}, [x, in, n](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    // y = x³
    if (auto d_x = pull.into(x)) d_x.accumulate(n, [=](std::int64_t i) { return T(3) * in[i] * in[i] * d_y[i]; });
  });
}

template Var<float> cube(Var<float>);
template Var<double> cube(Var<double>);
template Var<std::complex<double>> cube(Var<std::complex<double>>);

OpSpec spec_cube() {
  return {.name = "cube",
          .cases = {
              {"R3_C4", {{{3, 4}}}, [](auto x) { return cube(x[0]); }},
              {"R5_C2_S3", {{{5, 2, 3}}}, [](auto x) { return cube(x[0]); }},
          }};
}

}  // namespace tapehead
