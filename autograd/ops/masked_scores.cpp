#include "autograd/ops/masked_scores.hpp"

#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_scores(Var<T> x, const Mask& mask, std::int64_t heads) {
  return map_masked_columns(
      "masked_scores", x, mask, heads, [](T*, std::int64_t, T*) {}, [](const T*, const T*, std::int64_t, T*) {});
}

template Var<float> masked_scores(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_scores(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_scores(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_scores() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return masked_scores(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  std::vector<OpRefusal> refusals = masked_refusals("masked_scores", with);
  return {.name = "masked_scores", .cases = std::move(cases), .refusals = std::move(refusals)};
}

}  // namespace tapehead
