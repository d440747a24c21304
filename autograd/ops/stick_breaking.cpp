#include "autograd/ops/stick_breaking.hpp"

#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {

template <Scalar T>
Var<T> stick_breaking(Var<T> x, const Mask& mask, std::int64_t heads) {
  return map_masked_columns(
      "stick_breaking", x, mask, heads,
      [](T* column, std::int64_t count, T*) {
        T left(1);
        for (std::int64_t k = count; k-- > 0;) {
          const T rest = left * logistic(-column[k]);  // 1 − σ(x) = σ(−x), which does not cancel
          column[k] = left * logistic(column[k]);
          left = rest;
        }
      },
      // y_k falls with every later x_l by y_k · σ(x_l): d_x_k = d_k y_k σ(−x_k) − σ(x_k) Σ_{j < k} d_j y_j.
      [](const T* in, const T* y, std::int64_t count, T* d) {
        T earlier(0);
        for (std::int64_t k = 0; k < count; ++k) {
          const T own = d[k] * y[k];
          d[k] = own * logistic(-in[k]) - logistic(in[k]) * earlier;
          earlier += own;
        }
      });
}

template Var<float> stick_breaking(Var<float>, const Mask&, std::int64_t);
template Var<double> stick_breaking(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> stick_breaking(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_stick_breaking() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return stick_breaking(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  std::vector<OpRefusal> refusals = masked_refusals("stick_breaking", with);
  return {.name = "stick_breaking", .cases = std::move(cases), .refusals = std::move(refusals)};
}

}  // namespace tapehead
