#include "autograd/ops/mean.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> mean(Var<T> x) {
  tape_of("mean", {x});
  const std::int64_t n = x.shape().size();
  if (n == 0) throw ShapeError(fmt::format("mean: there is no element in {}", to_string(x.shape())));
  return scale(sum(x), 1.0 / static_cast<double>(n));
}

template Var<float> mean(Var<float>);
template Var<double> mean(Var<double>);
template Var<std::complex<double>> mean(Var<std::complex<double>>);

OpSpec spec_mean() {
  const auto call = [](auto x) { return mean(x[0]); };
  return {.name = "mean",
          .cases =
              {
                  {"R3_C5", {{{3, 5}}}, call},
                  {"R17_C2_S3", {{{17, 2, 3}}}, call},
                  {"R67_C3_S6", {{{67, 3, 6}}}, call},
                  {"R1_C1", {{{1}}}, call},
              },
          .refusals = {{"empty", {{3, 0}}, call, "mean: there is no element in (3, 0)"}}};
}

}  // namespace tapehead
