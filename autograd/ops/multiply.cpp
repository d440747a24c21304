#include "autograd/ops/multiply.hpp"

#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> multiply(Var<T> a, Var<T> b) {
  Tape<T>& tape = tape_of("multiply", {a, b});
  require_same_shape("multiply", a.shape(), b.shape());
  const std::int64_t n = a.shape().size();
  const T* in_a = a.data();
  const T* in_b = b.data();
  T* y = tape.allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = in_a[i] * in_b[i];

  return tape.record("multiply", a.shape(), y, {a, b}, [a, b, in_a, in_b, n](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_a = pull.into(a)) d_a.accumulate(n, [=](std::int64_t i) { return d_y[i] * in_b[i]; });  // y = a ∘ b
    if (auto d_b = pull.into(b)) d_b.accumulate(n, [=](std::int64_t i) { return d_y[i] * in_a[i]; });
  });
}

template Var<float> multiply(Var<float>, Var<float>);
template Var<double> multiply(Var<double>, Var<double>);
template Var<std::complex<double>> multiply(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_multiply() {
  return {.name = "multiply",
          .cases =
              {
                  {"R3_C4", {{{3, 4}}, {{3, 4}}}, [](auto x) { return multiply(x[0], x[1]); }},
                  {"R5_C2_S3", {{{5, 2, 3}}, {{5, 2, 3}}}, [](auto x) { return multiply(x[0], x[1]); }},
                  {"R67_C3_S6", {{{67, 3, 6}}, {{67, 3, 6}}}, [](auto x) { return multiply(x[0], x[1]); }},
              },
          .refusals = {
              {"other_shape",
               {{3, 5}, {4, 2}},
               [](auto x) { return multiply(x[0], x[1]); },
               "multiply: shapes differ: a is (3, 5), b is (4, 2)"},
          }};
}

}  // namespace tapehead
