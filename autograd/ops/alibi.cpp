#include "autograd/ops/alibi.hpp"

#include <cmath>

#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"

namespace tapehead {

template <Scalar T>
Var<T> alibi(Var<T> x, std::int64_t heads, const std::int32_t* first) {
  Tape<T>& tape = tape_of("alibi", {x});
  const Shape shape = x.shape();
  require_heads_divide("alibi", heads, shape.slices, "slices", shape);
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    const double slope = std::exp2(-8.0 * static_cast<double>(s % heads + 1) / static_cast<double>(heads));
    const std::int64_t before = first != nullptr ? first[s / heads] : 0;
    for (std::int64_t q = 0; q < shape.columns; ++q) {
      const std::int64_t column = shape.offset({0, q, s});
      for (std::int64_t k = 0; k < shape.rows; ++k) {
        const auto distance = static_cast<double>(std::abs(q + before - k));
        y[column + k] = in[column + k] - static_cast<Real<T>>(slope * distance);
      }
    }
  }
  return tape.record("alibi", shape, y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    pull.into(x).accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });  // y = x − a constant
  });
}

template Var<float> alibi(Var<float>, std::int64_t, const std::int32_t*);
template Var<double> alibi(Var<double>, std::int64_t, const std::int32_t*);
template Var<std::complex<double>> alibi(Var<std::complex<double>>, std::int64_t, const std::int32_t*);

OpSpec spec_alibi() {
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](std::int64_t heads, const std::int32_t* positions) {
    return [=](auto x) { return alibi(x[0], heads, positions); };
  };
  return {.name = "alibi",
          .cases =
              {
                  {"K4_Q3_H2_B2", {{{4, 3, 4}}}, with(2, nullptr)},
                  {"each_from_its_own_position", {{{5, 2, 6}}}, with(2, first)},
                  {"K1_Q1", {{{1}}}, with(1, nullptr)},
                  {"K67", {{{67, 2}}}, with(1, nullptr)},
                  {"Q67", {{{2, 67}}}, with(1, nullptr)},
                  {"H67", {{{2, 2, 67}}}, with(67, nullptr)},
              },
          .refusals = {
              {"heads", {{2, 2, 5}}, with(2, nullptr), "alibi: 2 heads do not divide the 5 slices of (2, 2, 5)"},
              {"no_heads", {{4, 2}}, with(0, nullptr), "alibi: heads must be at least 1, not 0"},
          }};
}

}  // namespace tapehead
