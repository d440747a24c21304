#include "autograd/ops/forgetting_bias.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/masked_cases.hpp"

namespace tapehead {

// Sums are taken from the query outwards: as differences of one long sum they would cancel.
template <Scalar T>
Var<T> forgetting_bias(Var<T> x, Var<T> gate, const std::int32_t* first) {
  Tape<T>& tape = tape_of("forgetting_bias", {x, gate});
  const Shape shape = x.shape();
  const Shape gates = gate.shape();
  const std::int64_t heads = gates.rows;
  const std::int64_t keys = shape.rows;
  if (gates.columns != keys || shape.slices != heads * gates.slices || (first == nullptr && shape.columns > keys)) {
    throw ShapeError(
        fmt::format("forgetting_bias: gate {} (heads, keys, examples) does not fit scores {} of the same "
                    "sequence",
                    to_string(gates), to_string(shape)));
  }
  const T* g = gate.data();
  T* let_through = tape.allocate(gates.size());
  for (std::int64_t i = 0; i < gates.size(); ++i) let_through[i] = log_logistic(g[i]);
  const auto position_of = [=](std::int64_t n) {
    const std::int64_t p = n % shape.columns + (first != nullptr ? first[n / shape.columns / heads] : 0);
    return std::min(p, keys - 1);
  };
  // Where gate 0 of the slice of point n stands; the next one is `heads` further.
  const auto gates_of = [=](std::int64_t n) {
    const std::int64_t s = n / shape.columns;
    return gates.offset({s % heads, 0, s / heads});
  };
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; keys > 0 && n < shape.points(); ++n) {
    const std::int64_t p = position_of(n);
    const T* a = let_through + gates_of(n);
    const T* from = in + n * keys;
    T* to = y + n * keys;
    to[p] = from[p];
    T sum(0);
    for (std::int64_t k = p; k-- > 0;) to[k] = from[k] + (sum += a[(k + 1) * heads]);
    sum = T(0);
    for (std::int64_t k = p + 1; k < keys; ++k) to[k] = from[k] + (sum += a[k * heads]);
  }

  return tape.record("forgetting_bias", shape, y, {x, gate}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (const auto d_gate = pull.into(gate)) {  // first: x may be the gate itself
      // Gate l stands between the query and every key beyond it.
      T* d_a = pull.scratch(gates.size());
      std::fill_n(d_a, gates.size(), T(0));
      for (std::int64_t n = 0; keys > 0 && n < shape.points(); ++n) {
        const std::int64_t p = position_of(n);
        const T* d = d_y + n * keys;
        T* to = d_a + gates_of(n);
        T sum(0);
        for (std::int64_t k = 0; k < p; ++k) to[(k + 1) * heads] += sum += d[k];
        sum = T(0);
        for (std::int64_t k = keys; --k > p;) to[k * heads] += sum += d[k];
      }
      // a = log σ(g): d_g = σ(−g) · d_a
      d_gate.accumulate(gates.size(), [=](std::int64_t i) { return logistic(-g[i]) * d_a[i]; });
    }
    if (auto d_x = pull.into(x)) d_x.accumulate(shape.size(), [=](std::int64_t i) { return d_y[i]; });
  });
}

template Var<float> forgetting_bias(Var<float>, Var<float>, const std::int32_t*);
template Var<double> forgetting_bias(Var<double>, Var<double>, const std::int32_t*);
template Var<std::complex<double>> forgetting_bias(Var<std::complex<double>>, Var<std::complex<double>>,
                                                   const std::int32_t*);

OpSpec spec_forgetting_bias() {
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](const std::int32_t* positions) {
    return [=](auto x) { return forgetting_bias(x[0], x[1], positions); };
  };
  return {.name = "forgetting_bias",
          .cases =
              {
                  {"T5_H2_B2", {{{5, 5, 4}}, {{2, 5, 2}}}, with(nullptr)},
                  {"fewer_queries", {{{5, 3, 4}}, {{2, 5, 2}}}, with(nullptr)},
                  {"each_from_its_own_position", {{{7, 2, 6}}, {{2, 7, 3}}}, with(first)},
                  {"beyond_the_end", {{{3, 2, 6}}, {{2, 3, 3}}}, with(first)},
                  {"T1", {{{1}}, {{1}}}, with(nullptr)},
                  {"K67", {{{67, 2}}, {{1, 67}}}, with(nullptr)},
                  {"Q67", {{{67, 67}}, {{1, 67}}}, with(nullptr)},
                  {"H67", {{{2, 2, 67}}, {{67, 2}}}, with(nullptr)},
                  {"gates_far_from_zero", {{{4, 4, 2}}, {{2, 4}, -30, 30}}, with(nullptr)},
              },
          .refusals = {
              {"keys",
               {{5, 4, 4}, {2, 4, 2}},
               with(nullptr),
               "forgetting_bias: gate (2, 4, 2) (heads, keys, examples) does not fit scores (5, 4, 4) of the same"},
              {"heads", {{5, 4, 4}, {3, 5, 2}}, with(nullptr), "does not fit scores (5, 4, 4)"},
              {"queries", {{3, 4, 2}, {2, 3}}, with(nullptr), "does not fit scores (3, 4, 2)"},
          }};
}

}  // namespace tapehead
