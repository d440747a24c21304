#include "autograd/ops/relative_scores.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/masked_cases.hpp"

namespace tapehead {

// The product of a query with every vector of the table is made once; each key then finds its own.
template <Scalar T>
Var<T> relative_scores(Var<T> query, Var<T> table, std::int64_t keys, std::int64_t heads, const std::int32_t* first) {
  Tape<T>& tape = tape_of("relative_scores", {query, table});
  const Shape q = query.shape();
  const Shape a = table.shape();
  require_heads_divide("relative_scores", heads, q.slices, "slices", q);
  if (a.rows != q.rows || a.columns % 2 != 1 || a.slices != 1 || keys < 0) {
    throw ShapeError(
        fmt::format("relative_scores: table {} is not ({}, 2c + 1) for query {}", to_string(a), q.rows, to_string(q)));
  }
  const Shape shape{keys, q.columns, q.slices};
  const std::int64_t points = q.points();
  const std::int64_t most = a.columns / 2;
  const auto entry = [=](std::int64_t k, std::int64_t n) {
    const std::int64_t position = n % q.columns + (first != nullptr ? first[n / q.columns / heads] : 0);
    return std::clamp(k - position, -most, most) + most;
  };
  T* products = tape.allocate(a.columns * points);
  gemm(T(1), MatrixView(table.data(), a.rows, a.columns), Transpose::yes, MatrixView(query.data(), q.rows, points),
       Transpose::no, T(0), MatrixView(products, a.columns, points));
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < points; ++n) {
    for (std::int64_t k = 0; k < keys; ++k) y[k + n * keys] = products[entry(k, n) + n * a.columns];
  }

  return tape.record("relative_scores", shape, y, {query, table}, [=](Pull<T>& pull) {
    T* d_products = pull.scratch(a.columns * points);  // Aᵀ Q, from the keys that took each of them
    std::fill_n(d_products, a.columns * points, T(0));
    for (std::int64_t n = 0; n < points; ++n) {
      for (std::int64_t k = 0; k < keys; ++k) d_products[entry(k, n) + n * a.columns] += pull.d_output()[k + n * keys];
    }
    const MatrixView<const T> d(d_products, a.columns, points);
    if (auto d_a = pull.into(table)) {
      gemm(T(1), MatrixView(query.data(), q.rows, points), Transpose::no, d, Transpose::yes, d_a.beta(),
           MatrixView(d_a.data, a.rows, a.columns));
    }
    if (auto d_q = pull.into(query)) {
      gemm(T(1), MatrixView(table.data(), a.rows, a.columns), Transpose::no, d, Transpose::no, d_q.beta(),
           MatrixView(d_q.data, q.rows, points));
    }
  });
}

template Var<float> relative_scores(Var<float>, Var<float>, std::int64_t, std::int64_t, const std::int32_t*);
template Var<double> relative_scores(Var<double>, Var<double>, std::int64_t, std::int64_t, const std::int32_t*);
template Var<std::complex<double>> relative_scores(Var<std::complex<double>>, Var<std::complex<double>>, std::int64_t,
                                                   std::int64_t, const std::int32_t*);

OpSpec spec_relative_scores() {
  const std::int32_t* const first = ragged_lengths();
  const auto with = [](std::int64_t keys, std::int64_t heads, const std::int32_t* positions) {
    return [=](auto x) { return relative_scores(x[0], x[1], keys, heads, positions); };
  };
  return {.name = "relative_scores",
          .cases =
              {
                  {"D3_K5_Q4_B2", {{{3, 4, 2}}, {{3, 5}}}, with(5, 1, nullptr)},
                  {"each_from_its_own_position", {{{2, 2, 6}}, {{2, 7}}}, with(5, 2, first)},
                  {"D1_K1_Q1", {{{1}}, {{1, 1}}}, with(1, 1, nullptr)},
                  {"D67", {{{67, 2}}, {{67, 3}}}, with(3, 1, nullptr)},
                  {"Q67_B6", {{{2, 67, 6}}, {{2, 3}}}, with(2, 1, nullptr)},
                  {"K67", {{{2, 3}}, {{2, 9}}}, with(67, 1, nullptr)},
              },
          .refusals = {
              {"even",
               {{3, 2}, {3, 4}},
               with(3, 1, nullptr),
               "relative_scores: table (3, 4) is not (3, 2c + 1) for query (3, 2)"},
              {"width", {{3, 2}, {2, 3}}, with(3, 1, nullptr), "table (2, 3) is not (3, 2c + 1)"},
              {"heads",
               {{3, 2, 5}, {3, 3}},
               with(3, 2, nullptr),
               "relative_scores: 2 heads do not divide the 5 slices of (3, 2, 5)"},
          }};
}

}  // namespace tapehead
