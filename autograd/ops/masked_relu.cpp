#include "autograd/ops/masked_relu.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/detail/masked_columns.hpp"

namespace tapehead {

template <Scalar T>
Var<T> masked_relu(Var<T> x, const Mask& mask, std::int64_t heads, int power) {
  if (power != 1 && power != 2) throw ConfigError(fmt::format("masked_relu: the power must be 1 or 2, not {}", power));
  return map_masked_columns(
      "masked_relu", x, mask, heads,
      [power](T* column, std::int64_t count, T*) {
        for (std::int64_t i = 0; i < count; ++i) {
          const T positive = real_part(column[i]) > 0 ? column[i] : T(0);
          column[i] = (power == 1 ? positive : positive * positive) / static_cast<Real<T>>(count);
        }
      },
      [power](const T* in, const T*, std::int64_t count, T* d) {
        for (std::int64_t i = 0; i < count; ++i) {
          const T slope = power == 1 ? T(1) : Real<T>(2) * in[i];
          d[i] = real_part(in[i]) > 0 ? d[i] * slope / static_cast<Real<T>>(count) : T(0);
        }
      },
      true);
}

template Var<float> masked_relu(Var<float>, const Mask&, std::int64_t, int);
template Var<double> masked_relu(Var<double>, const Mask&, std::int64_t, int);
template Var<std::complex<double>> masked_relu(Var<std::complex<double>>, const Mask&, std::int64_t, int);

OpSpec spec_masked_relu() {
  const auto of_power = [](int power) {
    return [power](const MaskedCall& call) {
      return [=](auto x) { return masked_relu(x[0], call.mask, call.heads, power); };
    };
  };
  std::vector<OpCase> cases = masked_cases(of_power(1));
  for (OpCase& squared : masked_cases(of_power(2))) {
    squared.label += "_squared";
    cases.push_back(std::move(squared));
  }
  std::vector<OpRefusal> refusals = masked_refusals("masked_relu", of_power(1));
  refusals.push_back({"power", {{4, 2}}, of_power(3)(MaskedCall{}), "masked_relu: the power must be 1 or 2, not 3"});
  return {.name = "masked_relu", .cases = std::move(cases), .refusals = std::move(refusals), .dual_by_hand = true};
}

}  // namespace tapehead
