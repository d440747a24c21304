#include "autograd/ops/additive_score.hpp"

#include <cmath>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/pairs.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// tanh(q + k) of one pair, into `to`.
template <Scalar T>
void tanh_of_sum(const T* q, const T* k, std::int64_t width, T* to) {
  for (std::int64_t i = 0; i < width; ++i) to[i] = q[i] + k[i];
  if constexpr (RealScalar<T>) {
    vectors::tanh(to, width, to);
  } else {
    for (std::int64_t i = 0; i < width; ++i) to[i] = std::tanh(to[i]);
  }
}

}  // namespace

// What tanh made is made again in the pullback: A numbers for each pair would be A times the memory of the scores.
template <Scalar T>
Var<T> additive_score(Var<T> key, Var<T> query, Var<T> direction) {
  Tape<T>& tape = tape_of("additive_score", {key, query, direction});
  const Shape keys = key.shape();
  const Shape queries = query.shape();
  const Shape shape = shape_of_pairs("additive_score", keys, queries);
  const Shape u = direction.shape();
  if (u.rows != keys.rows || u.slices != 1 || u.columns < 1 || keys.slices % u.columns != 0) {
    throw ShapeError(fmt::format("additive_score: direction is {} (A, H), which key {} does not fit", to_string(u),
                                 to_string(keys)));
  }
  const std::int64_t width = keys.rows;
  const T* k = key.data();
  const T* q = query.data();
  const T* of_heads = direction.data();
  const auto head_of = [=](std::int64_t pair) { return pair / (shape.rows * shape.columns) % u.columns * width; };
  T* y = tape.allocate(shape.size());
  T* activated = tape.allocate(width);
  for_each_pair(keys, queries, [=](std::int64_t pair, std::int64_t at_key, std::int64_t at_query) {
    tanh_of_sum(q + at_query, k + at_key, width, activated);
    y[pair] = dot(of_heads + head_of(pair), activated, width);
  });

  return tape.record("additive_score", shape, y, {key, query, direction}, [=](Pull<T>& pull) {
    auto d_u = pull.into(direction);
    if (d_u) d_u.zero_if_fresh(u.size());
    auto d_k = pull.into(key);
    if (d_k) d_k.zero_if_fresh(keys.size());
    auto d_q = pull.into(query);
    if (d_q) d_q.zero_if_fresh(queries.size());
    const T* d_y = pull.d_output();
    for_each_pair(keys, queries, [=](std::int64_t pair, std::int64_t at_key, std::int64_t at_query) {
      const std::int64_t head = head_of(pair);
      const T d = d_y[pair];
      tanh_of_sum(q + at_query, k + at_key, width, activated);
      for (std::int64_t i = 0; i < width; ++i) {  // y = Σ u · tanh(q + k), tanh′ = 1 − tanh²
        const T inner = d * of_heads[head + i] * (Real<T>(1) - activated[i] * activated[i]);
        if (d_u) d_u.data[head + i] += d * activated[i];
        if (d_k) d_k.data[at_key + i] += inner;
        if (d_q) d_q.data[at_query + i] += inner;
      }
    });
  });
}

template Var<float> additive_score(Var<float>, Var<float>, Var<float>);
template Var<double> additive_score(Var<double>, Var<double>, Var<double>);
template Var<std::complex<double>> additive_score(Var<std::complex<double>>, Var<std::complex<double>>,
                                                  Var<std::complex<double>>);

OpSpec spec_additive_score() {
  const auto call = [](auto x) { return additive_score(x[0], x[1], x[2]); };
  return {.name = "additive_score",
          .cases =
              {
                  {"A3_K4_Q2_H2_B2", {{{3, 4, 4}}, {{3, 2, 4}}, {{3, 2}}}, call},
                  {"A2_K3_Q5_H2_B2", {{{2, 3, 4}}, {{2, 5, 4}}, {{2, 2}}}, call},
                  {"A1_K1_Q1", {{{1}}, {{1}}, {{1}}}, call},
                  {"A67", {{{67, 2}}, {{67, 3}}, {{67}}}, call},
                  {"K67_B6", {{{2, 67, 6}}, {{2, 2, 6}}, {{2}}}, call},
                  {"Q67", {{{2, 2}}, {{2, 67}}, {{2}}}, call},
                  {"H67", {{{2, 2, 67}}, {{2, 1, 67}}, {{2, 67}}}, call},
              },
          .refusals = {
              {"width", {{3, 2}, {4, 2}, {3}}, call, "additive_score: sizes disagree: key is (3, 2), query is (4, 2)"},
              {"direction",
               {{3, 2}, {3, 2}, {4}},
               call,
               "additive_score: direction is (4, 1) (A, H), which key (3, 2) does not fit"},
              {"heads", {{3, 2, 3}, {3, 2, 3}, {3, 2}}, call, "direction is (3, 2) (A, H), which key (3, 2, 3)"},
          }};
}

}  // namespace tapehead
