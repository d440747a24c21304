#include "autograd/ops/masked_sparsemax.hpp"

#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {
namespace {

// τ with Σ max(x − τ, 0) = 1, over the largest elements that stay above it (ibid., algorithm 1).
template <Scalar T>
T sparsemax_threshold(const T* x, std::int64_t count, T* sorted) {
  sort_descending(x, count, sorted);
  T sum(0);
  T threshold(0);
  for (std::int64_t k = 1; k <= count; ++k) {
    const T each = sorted[k - 1];
    const T next = (sum + each - Real<T>(1)) / static_cast<Real<T>>(k);
    if (k > 1 && real_part(each) <= real_part(next)) break;
    sum += each;
    threshold = next;
  }
  return threshold;
}

}  // namespace

template <Scalar T>
Var<T> masked_sparsemax(Var<T> x, const Mask& mask, std::int64_t heads) {
  return map_masked_columns(
      "masked_sparsemax", x, mask, heads,
      [](T* column, std::int64_t count, T* spare) {
        const T threshold = sparsemax_threshold(column, count, spare);
        for (std::int64_t i = 0; i < count; ++i) {
          const T rest = column[i] - threshold;
          column[i] = real_part(rest) > 0 ? rest : T(0);
        }
      },
      // The Jacobian over the support S (ibid., prop. 2): d_x = d_y − mean of d_y over S, inside S; else 0.
      [](const T*, const T* y, std::int64_t count, T* d) {
        T sum(0);
        std::int64_t support = 0;
        for (std::int64_t i = 0; i < count; ++i) {
          if (real_part(y[i]) <= 0) continue;
          sum += d[i];
          ++support;
        }
        const T mean = sum / static_cast<Real<T>>(support);
        for (std::int64_t i = 0; i < count; ++i) d[i] = real_part(y[i]) > 0 ? d[i] - mean : T(0);
      },
      true);
}

template Var<float> masked_sparsemax(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_sparsemax(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_sparsemax(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_sparsemax() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return masked_sparsemax(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  std::vector<OpRefusal> refusals = masked_refusals("masked_sparsemax", with);
  return {.name = "masked_sparsemax", .cases = std::move(cases), .refusals = std::move(refusals), .dual_by_hand = true};
}

}  // namespace tapehead
