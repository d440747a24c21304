#include "autograd/ops/add.hpp"

#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> add(Var<T> a, Var<T> b) {
  Tape<T>& tape = tape_of("add", {a, b});
  require_same_shape("add", a.shape(), b.shape());
  const std::int64_t n = a.shape().size();
  const T* in_a = a.data();
  const T* in_b = b.data();
  T* y = tape.allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = in_a[i] + in_b[i];

  return tape.record("add", a.shape(), y, {a, b}, [a, b, n](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    for (const Var<T>& x : {a, b}) {
      if (auto d_x = pull.into(x)) d_x.accumulate(n, [=](std::int64_t i) { return d_y[i]; });  // y = a + b
    }
  });
}

template Var<float> add(Var<float>, Var<float>);
template Var<double> add(Var<double>, Var<double>);
template Var<std::complex<double>> add(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_add() {
  return {.name = "add",
          .cases =
              {
                  {"R3_C4", {{{3, 4}}, {{3, 4}}}, [](auto x) { return add(x[0], x[1]); }},
                  {"R5_C2_S3", {{{5, 2, 3}}, {{5, 2, 3}}}, [](auto x) { return add(x[0], x[1]); }},
                  {"R67_C3_S6", {{{67, 3, 6}}, {{67, 3, 6}}}, [](auto x) { return add(x[0], x[1]); }},
              },
          .refusals = {
              {"other_shape",
               {{3, 5}, {4, 2}},
               [](auto x) { return add(x[0], x[1]); },
               "add: shapes differ: a is (3, 5), b is (4, 2)"},
          }};
}

}  // namespace tapehead
