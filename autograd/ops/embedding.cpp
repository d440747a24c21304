#include "autograd/ops/embedding.hpp"

#include <fmt/format.h>

#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> embedding(Var<T> table, TokenView ids) {
  Tape<T>& tape = tape_of("embedding", {table});
  if (table.shape().slices != 1) {
    throw ShapeError(fmt::format("embedding: the table must be one matrix (C, V), not {}", to_string(table.shape())));
  }
  const std::int64_t rows = table.shape().rows;
  const std::int64_t vocabulary = table.shape().columns;
  const Shape shape{rows, ids.positions, ids.examples};
  T* y = tape.allocate(shape.size());
  for (std::int64_t b = 0; b < ids.examples; ++b) {
    for (std::int64_t t = 0; t < ids.positions; ++t) {
      const std::int32_t id = ids(t, b);
      if (id < 0 || id >= vocabulary) {
        throw DataError(fmt::format("embedding: id {} at position {} of example {} is outside the vocabulary of {}", id,
                                    t, b, vocabulary));
      }
      std::copy_n(table.data() + id * rows, rows, y + (t + b * ids.positions) * rows);
    }
  }

  return tape.record("embedding", shape, y, {table}, [=](Pull<T>& pull) {
    auto d_table = pull.into(table);
    d_table.zero_if_fresh(rows * vocabulary);
    PointSum<T> sum(pull, d_table.data, rows * vocabulary, shape.points(), vocabulary);
    for (std::int64_t b = 0; b < ids.examples; ++b) {
      for (std::int64_t t = 0; t < ids.positions; ++t) {
        const T* d_y = pull.d_output() + (t + b * ids.positions) * rows;
        T* column = sum.at(t + b * ids.positions) + ids(t, b) * rows;  // y[:, t, b] = table[:, id]
        for (std::int64_t c = 0; c < rows; ++c) column[c] += d_y[c];
      }
    }
    sum.finish();
  });
}

template Var<float> embedding(Var<float>, TokenView);
template Var<double> embedding(Var<double>, TokenView);
template Var<std::complex<double>> embedding(Var<std::complex<double>>, TokenView);

OpSpec spec_embedding() {
  // Two examples of three positions, stride four, with a repeated id.
  static constexpr std::int32_t kIds[] = {4, 2, 0, 9, 4, 0, 4, 9};
  static constexpr std::int32_t kOutside[] = {4, 2, 0, 9, -1, 0, 4, 9};
  static constexpr std::int32_t kLengths[] = {3, 3};
  const auto with = [](const std::int32_t* ids) {
    return [ids](auto x) { return embedding(x[0], TokenView{ids, kLengths, 4, 3, 2}); };
  };
  // Six examples of 67 positions; every row of a table of 301 is read.
  static const std::vector<std::int32_t> kMany = [] {
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 67 * 6; ++i) ids.push_back(i * 7 % 301);
    return ids;
  }();
  static constexpr std::int32_t kManyLengths[] = {67, 67, 67, 67, 67, 67};
  const auto many = [](auto x) { return embedding(x[0], TokenView{kMany.data(), kManyLengths, 67, 67, 6}); };
  return {.name = "embedding",
          .cases =
              {
                  {"C3_V5_T3_B2", {{{3, 5}}}, with(kIds)},
                  {"C17_V6_T3_B2", {{{17, 6}}}, with(kIds)},
                  {"C33_V5_T3_B2", {{{33, 5}}}, with(kIds)},
                  {"C1_V9_T3_B2", {{{1, 9}}}, with(kIds)},
                  {"C67_V5_T3_B2", {{{67, 5}}}, with(kIds)},
                  {"C3_V301_T67_B6", {{{3, 301}}}, many},
              },
          .refusals = {
              {"too_large",
               {{3, 4}},
               with(kIds),
               "embedding: id 4 at position 0 of example 0 is outside the vocabulary of 4"},
              {"negative",
               {{3, 5}},
               with(kOutside),
               "embedding: id -1 at position 0 of example 1 is outside the vocabulary of 5"},
              {"slices", {{3, 5, 2}}, with(kIds), "embedding: the table must be one matrix (C, V), not (3, 5, 2)"},
          }};
}

}  // namespace tapehead
