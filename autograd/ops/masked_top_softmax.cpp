#include "autograd/ops/masked_top_softmax.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_top_softmax(Var<T> x, const Mask& mask, std::int64_t heads, std::int64_t largest) {
  if (largest < 1) {
    throw ConfigError(fmt::format("masked_top_softmax: at least 1 key must be taken, not {}", largest));
  }
  return map_masked_columns(
      "masked_top_softmax", x, mask, heads,
      [largest](T* column, std::int64_t count, T* spare) {
        sort_descending(column, count, spare);
        const Real<T> least = real_part(spare[std::min(largest, count) - 1]);
        std::int64_t equal = 0;  // to the least one: how many of them are still to be taken
        for (std::int64_t i = 0; i < std::min(largest, count); ++i) equal += real_part(spare[i]) == least;
        T total(0);
        for (std::int64_t i = 0; i < count; ++i) {
          const bool taken = real_part(column[i]) > least || (real_part(column[i]) == least && equal-- > 0);
          column[i] = taken ? std::exp(column[i] - real_part(spare[0])) : T(0);
          total += column[i];
        }
        for (std::int64_t i = 0; i < count; ++i) column[i] /= total;
      },
      [](const T*, const T* y, std::int64_t count, T* d) {  // as softmax's: zero where y is
        pull_softmax_column(y, count, d);
      },
      true);
}

template Var<float> masked_top_softmax(Var<float>, const Mask&, std::int64_t, std::int64_t);
template Var<double> masked_top_softmax(Var<double>, const Mask&, std::int64_t, std::int64_t);
template Var<std::complex<double>> masked_top_softmax(Var<std::complex<double>>, const Mask&, std::int64_t,
                                                      std::int64_t);

OpSpec spec_masked_top_softmax() {
  const auto of_largest = [](std::int64_t largest) {
    return [largest](const MaskedCall& call) {
      return [=](auto x) { return masked_top_softmax(x[0], call.mask, call.heads, largest); };
    };
  };
  std::vector<OpCase> cases = masked_cases(of_largest(2));
  cases.push_back({"more_than_there_are", {{{4, 3}}}, of_largest(8)(MaskedCall{})});
  cases.push_back({"one", {{{4, 3}}}, of_largest(1)(MaskedCall{})});
  std::vector<OpRefusal> refusals = masked_refusals("masked_top_softmax", of_largest(2));
  refusals.push_back(
      {"none", {{4, 2}}, of_largest(0)(MaskedCall{}), "masked_top_softmax: at least 1 key must be taken, not 0"});
  return {
      .name = "masked_top_softmax", .cases = std::move(cases), .refusals = std::move(refusals), .dual_by_hand = true};
}

}  // namespace tapehead
