#include "autograd/ops/sum.hpp"

#include "autograd/ops/detail/columns.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> sum(Var<T> x) {
  Tape<T>& tape = tape_of("sum", {x});
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = tape.allocate(1);
  *y = sum_over<T>(n, [=](std::int64_t i) { return in[i]; });

  return tape.record("sum", {}, y, {x}, [=](Pull<T>& pull) {
    const T d_y = *pull.d_output();
    if (auto d_x = pull.into(x)) d_x.accumulate(n, [=](std::int64_t) { return d_y; });  // y = Σ x
  });
}

template Var<float> sum(Var<float>);
template Var<double> sum(Var<double>);
template Var<std::complex<double>> sum(Var<std::complex<double>>);

OpSpec spec_sum() {
  const auto call = [](auto x) { return sum(x[0]); };
  return {
      .name = "sum",
      .cases =
          {
              {"R3_C5", {{{3, 5}}}, call},
              {"R17_C2_S3", {{{17, 2, 3}}}, call},
              {"R67_C3_S6", {{{67, 3, 6}}}, call},
              {"R1_C1", {{{1}}}, call},
          },
  };
}

}  // namespace tapehead
