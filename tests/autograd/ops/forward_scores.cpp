// A number for each key and query, from their definitions.

#include <cmath>

#include "autograd/ops/additive_score.hpp"
#include "autograd/ops/head_affine.hpp"
#include "autograd/ops/squared_distance.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

ForwardCase distances(const std::string& label, Shape key, std::int64_t queries) {
  return {label,
          {{key}, {{key.rows, queries, key.slices}}},
          [](auto x) { return squared_distance(x[0], x[1]); },
          [](PlainInputs x) {
            return Plain::of({x[0].shape.columns, x[1].shape.columns, x[0].shape.slices}, [&](auto k, auto q, auto s) {
              long double sum = 0;
              for (std::int64_t i = 0; i < x[0].shape.rows; ++i) {
                sum += (x[1](i, q, s) - x[0](i, k, s)) * (x[1](i, q, s) - x[0](i, k, s));
              }
              return sum;
            });
          }};
}

ForwardCase additive(const std::string& label, Shape key, std::int64_t queries, std::int64_t heads) {
  return {label,
          {{key}, {{key.rows, queries, key.slices}}, {{key.rows, heads}}},
          [](auto x) { return additive_score(x[0], x[1], x[2]); },
          [](PlainInputs x) {
            return Plain::of({x[0].shape.columns, x[1].shape.columns, x[0].shape.slices}, [&](auto k, auto q, auto s) {
              long double sum = 0;
              for (std::int64_t i = 0; i < x[0].shape.rows; ++i) {
                sum += x[2](i, s % x[2].shape.columns) * std::tanh(x[1](i, q, s) + x[0](i, k, s));
              }
              return sum;
            });
          }};
}

ForwardCase by_head(const std::string& label, Shape x, Shape weight) {
  return {label,
          {{x}, {weight}},
          [](auto in) { return head_affine(in[0], in[1]); },
          [](PlainInputs in) {
            return Plain::of({in[1].shape.columns, in[0].shape.columns, in[0].shape.slices},
                             [&](auto a, auto t, auto s) {
                               long double sum = 0;
                               for (std::int64_t i = 0; i < in[0].shape.rows; ++i) {
                                 sum += in[1](i, a, s % in[1].shape.slices) * in[0](i, t, s);
                               }
                               return sum;
                             });
          }};
}

}  // namespace

std::vector<ForwardOracle> score_oracles() {
  return {
      {"squared_distance",
       {distances("D3_K4_Q2_B2", {3, 4, 2}, 2), distances("D1", {1, 1, 1}, 1), distances("D33", {33, 2, 3}, 5)}},
      {"additive_score",
       {additive("A3_K4_Q2_H2_B2", {3, 4, 4}, 2, 2), additive("A1", {1, 1, 1}, 1, 1),
        additive("A33", {33, 2, 3}, 5, 3)}},
      {"head_affine",
       {by_head("D3_A2_T4_H2_B3", {3, 4, 6}, {3, 2, 2}), by_head("D1", {1, 1, 1}, {1, 1, 1}),
        by_head("D17_A33", {17, 3, 3}, {17, 33, 3})}},
  };
}

}  // namespace tapehead
