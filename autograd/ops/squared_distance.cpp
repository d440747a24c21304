#include "autograd/ops/squared_distance.hpp"

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/pairs.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

// Of differences, not as |q|² − 2 q·k + |k|²: that cancels where the two are near each other.
template <Scalar T>
Var<T> squared_distance(Var<T> key, Var<T> query) {
  Tape<T>& tape = tape_of("squared_distance", {key, query});
  const Shape keys = key.shape();
  const Shape queries = query.shape();
  const Shape shape = shape_of_pairs("squared_distance", keys, queries);
  const T* k = key.data();
  const T* q = query.data();
  T* y = tape.allocate(shape.size());
  for_each_pair(keys, queries, [=](std::int64_t pair, std::int64_t at_key, std::int64_t at_query) {
    y[pair] = sum_over<T>(keys.rows, [=](std::int64_t i) {
      const T difference = q[at_query + i] - k[at_key + i];
      return difference * difference;
    });
  });

  return tape.record("squared_distance", shape, y, {key, query}, [=](Pull<T>& pull) {
    auto d_k = pull.into(key);
    if (d_k) d_k.zero_if_fresh(keys.size());
    auto d_q = pull.into(query);
    if (d_q) d_q.zero_if_fresh(queries.size());
    const T* d_y = pull.d_output();
    for_each_pair(keys, queries, [=](std::int64_t pair, std::int64_t at_key, std::int64_t at_query) {
      const T twice = Real<T>(2) * d_y[pair];  // y = Σ (q − k)²
      for (std::int64_t i = 0; i < keys.rows; ++i) {
        const T difference = twice * (q[at_query + i] - k[at_key + i]);
        if (d_q) d_q.data[at_query + i] += difference;
        if (d_k) d_k.data[at_key + i] -= difference;
      }
    });
  });
}

template Var<float> squared_distance(Var<float>, Var<float>);
template Var<double> squared_distance(Var<double>, Var<double>);
template Var<std::complex<double>> squared_distance(Var<std::complex<double>>, Var<std::complex<double>>);

OpSpec spec_squared_distance() {
  const auto call = [](auto x) { return squared_distance(x[0], x[1]); };
  return {.name = "squared_distance",
          .cases =
              {
                  {"D3_K4_Q2_B2", {{{3, 4, 2}}, {{3, 2, 2}}}, call},
                  {"D1_K1_Q1", {{{1}}, {{1}}}, call},
                  {"D67", {{{67, 2}}, {{67, 3}}}, call},
                  {"K67_B6", {{{2, 67, 6}}, {{2, 2, 6}}}, call},
                  {"Q67", {{{2, 2}}, {{2, 67}}}, call},
                  {"far_from_zero", {{{3, 4}, 99, 101}, {{3, 2}, 99, 101}}, call},
              },
          .refusals = {
              {"width", {{3, 2}, {4, 2}}, call, "squared_distance: sizes disagree: key is (3, 2), query is (4, 2)"},
              {"slices", {{3, 2, 2}, {3, 2}}, call, "key is (3, 2, 2), query is (3, 2)"},
          }};
}

}  // namespace tapehead
