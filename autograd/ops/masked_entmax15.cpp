#include "autograd/ops/masked_entmax15.hpp"

#include <cmath>

#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {
namespace {

// τ with Σ max(x / 2 − τ, 0)² = 1: among the k largest it is mean − √((1 − k · variance) / k), for the largest k whose
// smallest element stays above it (ibid., algorithm 2).
template <Scalar T>
T entmax15_threshold(const T* x, std::int64_t count, T* sorted) {
  sort_descending(x, count, sorted);
  const T largest = sorted[0];  // τ moves with it; the squares of what is left do not cancel
  T sum(0);
  T squares(0);
  T threshold(0);
  for (std::int64_t k = 1; k <= count; ++k) {
    const T each = (sorted[k - 1] - largest) * Real<T>(0.5);
    sum += each;
    squares += each * each;
    const auto size = static_cast<Real<T>>(k);
    const T mean = sum / size;
    const T rest = (Real<T>(1) - (squares - mean * sum)) / size;
    if (real_part(rest) < 0) break;
    const T next = mean - std::sqrt(rest);
    if (k > 1 && real_part(each) <= real_part(next)) break;
    threshold = next;
  }
  return threshold + largest * Real<T>(0.5);
}

}  // namespace

template <Scalar T>
Var<T> masked_entmax15(Var<T> x, const Mask& mask, std::int64_t heads) {
  return map_masked_columns(
      "masked_entmax15", x, mask, heads,
      [](T* column, std::int64_t count, T* spare) {
        const T threshold = entmax15_threshold(column, count, spare);
        for (std::int64_t i = 0; i < count; ++i) {
          const T root = column[i] * Real<T>(0.5) - threshold;
          column[i] = real_part(root) > 0 ? root * root : T(0);
        }
      },
      // The Jacobian (ibid., prop. 2), with s = √y: d_x = s ∘ (d_y − Σ s ∘ d_y / Σ s).
      [](const T*, const T* y, std::int64_t count, T* d) {
        T sum(0);
        T roots(0);
        for (std::int64_t i = 0; i < count; ++i) {
          if (real_part(y[i]) <= 0) continue;
          const T root = std::sqrt(y[i]);
          sum += root * d[i];
          roots += root;
        }
        const T mean = sum / roots;
        for (std::int64_t i = 0; i < count; ++i) d[i] = real_part(y[i]) > 0 ? std::sqrt(y[i]) * (d[i] - mean) : T(0);
      },
      true);
}

template Var<float> masked_entmax15(Var<float>, const Mask&, std::int64_t);
template Var<double> masked_entmax15(Var<double>, const Mask&, std::int64_t);
template Var<std::complex<double>> masked_entmax15(Var<std::complex<double>>, const Mask&, std::int64_t);

OpSpec spec_masked_entmax15() {
  const auto with = [](const MaskedCall& call) {
    return [=](auto x) { return masked_entmax15(x[0], call.mask, call.heads); };
  };
  std::vector<OpCase> cases = masked_cases(with);
  std::vector<OpRefusal> refusals = masked_refusals("masked_entmax15", with);
  return {.name = "masked_entmax15", .cases = std::move(cases), .refusals = std::move(refusals), .dual_by_hand = true};
}

}  // namespace tapehead
