#include "autograd/ops/dropout.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/keep.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// out = x with elements dropped, or += when `add`: forward and pullback are the same linear map. Drawing the words
// again is cheaper than a byte an element of memory.
template <Scalar T>
void apply(const KeepRule& rule, const Shape& shape, std::int64_t first_example, std::int64_t heads, const T* x, T* out,
           bool add) {
  const auto factor = static_cast<Real<T>>(rule.factor());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int64_t slice = n / shape.columns;
    const auto example = static_cast<std::uint32_t>(first_example + slice / heads);
    const auto head = static_cast<std::uint32_t>(slice % heads);
    const auto position = static_cast<std::uint32_t>(n % shape.columns);
    const T* in = x + n * shape.rows;
    T* to = out + n * shape.rows;
    rule.for_each(example, position, head, shape.rows, [=](std::int64_t c, bool keep) {
      const T value = keep ? factor * in[c] : T(0);
      to[c] = add ? to[c] + value : value;
    });
  }
}

}  // namespace

template <Scalar T>
Var<T> dropout(Var<T> x, double rate, const RandomStream& random, std::int64_t first_example, std::int64_t heads) {
  Tape<T>& tape = tape_of("dropout", {x});
  const KeepRule rule("dropout", rate, random);
  const Shape shape = x.shape();
  require_heads_divide("dropout", heads, shape.slices, "slices", shape);
  if (rate == 0) return x;
  T* y = tape.allocate(shape.size());
  apply(rule, shape, first_example, heads, x.data(), y, false);

  return tape.record("dropout", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);  // y = keep ∘ x / (1 − rate)
    apply(rule, shape, first_example, heads, pull.d_output(), d_x.data, !d_x.fresh);
  });
}

template Var<float> dropout(Var<float>, double, const RandomStream&, std::int64_t, std::int64_t);
template Var<double> dropout(Var<double>, double, const RandomStream&, std::int64_t, std::int64_t);
template Var<std::complex<double>> dropout(Var<std::complex<double>>, double, const RandomStream&, std::int64_t,
                                           std::int64_t);

OpSpec spec_dropout() {
  const auto with = [](double rate) {
    return [rate](auto x) { return dropout(x[0], rate, RandomStream(5, Purpose::dropout, 3, 1), 6); };
  };
  return {.name = "dropout",
          .cases =
              {
                  {"C7_T3_B2_rate_0.3", {{{7, 3, 2}}}, with(0.3)},
                  {"C33_T2_rate_0.8", {{{33, 2}}}, with(0.8)},
                  {"C1_T9_rate_0.5", {{{1, 9}}}, with(0.5)},
                  {"C3_T2_rate_0", {{{3, 2}}}, with(0)},
                  {"K5_Q3_H2_B2_rate_0.4",
                   {{{5, 3, 4}}},
                   [](auto x) { return dropout(x[0], 0.4, RandomStream(5, Purpose::dropout, 3, 1), 6, 2); }},
                  {"C67_T3_B6_rate_0.3", {{{67, 3, 6}}}, with(0.3)},
                  {"C3_T67_B6_rate_0.3", {{{3, 67, 6}}}, with(0.3)},
              },
          .refusals = {
              {"one", {{3, 2}}, with(1), "dropout: the rate must be in [0, 1), not 1"},
              {"heads",
               {{3, 2, 5}},
               [](auto x) { return dropout(x[0], 0.4, RandomStream(5, Purpose::dropout), 0, 2); },
               "dropout: 2 heads do not divide the 5 slices of (3, 2, 5)"},
              {"negative", {{3, 2}}, with(-0.1), "dropout: the rate must be in [0, 1), not -0.1"},
          }};
}

}  // namespace tapehead
