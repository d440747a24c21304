#include "autograd/ops/gelu.hpp"

#include "autograd/ops/elementwise.hpp"
#include "autograd/ops/normal.hpp"
#include "autograd/spec.hpp"
#include "autograd/vector_math.hpp"

namespace tapehead {

template <Scalar T>
Var<T> gelu(Var<T> x) {
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = x.tape().allocate(n);
  fill_array(in, n, y, [](auto... a) { vectors::gelu(a...); }, [](auto a) { return a * normal_distribution(a); });

  return x.tape().record("gelu", x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    const auto d_x = pull.into(x);
    if constexpr (RealScalar<T>) {
      vectors::gelu_pullback(in, d_y, n, d_x.data, !d_x.fresh);
    } else {
      d_x.accumulate(n, [=](std::int64_t i) { return d_y[i] * (normal_distribution(in[i]) + in[i] * normal_density(in[i])); });
    }
  });
}

template Var<float> gelu(Var<float>);
template Var<double> gelu(Var<double>);
template Var<std::complex<double>> gelu(Var<std::complex<double>>);

OpSpec spec_gelu() {
  return {.name = "gelu",
          .cases = {
              {"R3_C5", {{{3, 5}, -5, 5}}, [](auto x) { return gelu(x[0]); }},
              {"R17_C2_S3", {{{17, 2, 3}}}, [](auto x) { return gelu(x[0]); }},
          },
          .dual_by_hand = true};
}

}  // namespace tapehead
