#include "autograd/ops/masked_sigmoid.hpp"

#include <cmath>

#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_sigmoid(Var<T> x, const Mask& mask, std::int64_t heads) {
  return map_masked_columns(
      "masked_sigmoid", x, mask, heads,
      [](T* column, std::int64_t count, T*) {
        const Real<T> shift = std::log(static_cast<Real<T>>(count));
        for (std::int64_t i = 0; i < count; ++i) column[i] = logistic(column[i] - shift);
      },
      [](const T*, const T* y, std::int64_t count, T* d) {  // σ′ = σ · (1 − σ)
        for (std::int64_t i = 0; i < count; ++i) d[i] *= y[i] * (Real<T>(1) - y[i]);
      });
}

template Var<float> masked_sigmoid(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_sigmoid(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_sigmoid(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_sigmoid() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return masked_sigmoid(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  std::vector<OpRefusal> refusals = masked_refusals("masked_sigmoid", with);
  return {.name = "masked_sigmoid", .cases = std::move(cases), .refusals = std::move(refusals)};
}

}  // namespace tapehead
