#include "autograd/ops/linear_attention.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/detail/attention_plan.hpp"
#include "autograd/ops/detail/heads.hpp"
#include "autograd/ops/detail/kernel_features.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Columns of one head that are taken together.
constexpr std::int64_t kChunk = 64;

struct Plan {
  std::int64_t heads, width, value_width, queries, keys, slices;
  const std::int32_t* lengths;

  std::int64_t length(std::int64_t slice) const {
    return lengths == nullptr ? keys : std::min<std::int64_t>(lengths[slice], keys);
  }
  std::int64_t sums() const { return (value_width + 1) * width; }
};

template <Scalar T>
Shape shape_of(const char* name, const RowBlock<T>& block) {
  const Shape whole = block.x.shape();
  if (block.first_row < 0 || block.rows < 1 || block.rows > whole.rows - block.first_row) {
    throw ShapeError(fmt::format("linear_attention: {} is {} rows from {} on, of {}", name, block.rows, block.first_row,
                                 to_string(whole)));
  }
  return {block.rows, whole.columns, whole.slices};
}

template <Scalar T>
Plan plan_of(const RowBlock<T>& query, const RowBlock<T>& key, const RowBlock<T>& value, std::int64_t heads,
             const std::int32_t* lengths) {
  const Shape q = shape_of("query", query);
  const Shape k = shape_of("key", key);
  const Shape v = shape_of("value", value);
  require_heads_divide("linear_attention", heads, q.rows, "rows", q);
  require_heads_divide("linear_attention", heads, v.rows, "rows", v);
  if (q.rows != k.rows || k.columns != v.columns || q.slices != k.slices || k.slices != v.slices) {
    throw ShapeError(fmt::format("linear_attention: sizes disagree: query is {}, key is {}, value is {}", to_string(q),
                                 to_string(k), to_string(v)));
  }
  return {heads, q.rows / heads, v.rows / heads, q.columns, k.columns, q.slices, lengths};
}

// Columns [first, first + count) of a head, packed.
template <Scalar T>
void pack(const MatrixView<const T>& from, std::int64_t first, std::int64_t count, T* to) {
  for (std::int64_t t = 0; t < count; ++t)
    std::copy_n(from.data + (first + t) * from.stride, from.rows, to + t * from.rows);
}

template <class F>
void for_each_chunk(std::int64_t count, F f) {
  for (std::int64_t first = 0; first < count; first += kChunk) f(first, std::min(kChunk, count - first));
}

}  // namespace

// Of each head the sums M = Σ_k (v_k, 1) φ(k)ᵀ (Dv + 1, D); a query's context is M φ(q) but for its last row, divided
// by that row.
template <Scalar T>
Var<T> linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, std::int64_t heads,
                        const std::int32_t* lengths) {
  Tape<T>& tape = tape_of("linear_attention", {query.x, key.x, value.x});
  const Plan plan = plan_of(query, key, value, heads, lengths);
  const std::array<RowBlock<T>, 3> blocks{query, key, value};
  const Shape shape{heads * plan.value_width, plan.queries, plan.slices};
  const std::int64_t rows = plan.value_width + 1;
  T* y = tape.allocate(shape.size());
  T* all_sums = tape.allocate(plan.sums() * heads * plan.slices);
  T* work = tape.allocate(kChunk * (2 * plan.width + rows));
  for (std::int64_t n = 0; n < heads * plan.slices; ++n) {
    const std::int64_t head = n % heads;
    const std::int64_t slice = n / heads;
    const MatrixView<T> sums{all_sums + n * plan.sums(), rows, plan.width};
    const auto q = head_of(query, plan.width, head, slice, plan.queries);
    const auto k = head_of(key, plan.width, head, slice, plan.keys);
    const auto v = head_of(value, plan.value_width, head, slice, plan.keys);
    T* features = work + kChunk * plan.width;
    T* columns = features + kChunk * plan.width;
    std::fill_n(sums.data, plan.sums(), T(0));
    for_each_chunk(plan.length(slice), [&](std::int64_t first, std::int64_t count) {
      pack(k, first, count, work);
      positive_features(work, plan.width * count, features);
      with_ones(v.data + first * v.stride, v.stride, rows - 1, count, columns);
      gemm<T>(T(1), MatrixView<const T>{columns, rows, count}, Transpose::no,
              MatrixView<const T>{features, plan.width, count}, Transpose::yes, T(1), sums);
    });
    const auto out = head_view(y, shape, 0, plan.value_width, head, slice, plan.queries);
    for_each_chunk(plan.queries, [&](std::int64_t first, std::int64_t count) {
      pack(q, first, count, work);
      positive_features(work, plan.width * count, features);
      gemm<T>(T(1), sums, Transpose::no, MatrixView<const T>{features, plan.width, count}, Transpose::no, T(0),
              MatrixView<T>{columns, rows, count});
      for (std::int64_t t = 0; t < count; ++t) {
        divide_by_last(columns + t * rows, rows - 1, out.data + (first + t) * out.stride);
      }
    });
  }

  return tape.record("linear_attention", shape, y, {query.x, key.x, value.x}, [=](Pull<T>& pull) {
    const auto sinks = open_blocks(pull, blocks);
    T* d_sums = pull.scratch(plan.sums());
    T* x = pull.scratch(kChunk * (3 * plan.width + 2 * rows));
    T* features = x + kChunk * plan.width;
    T* d_features = features + kChunk * plan.width;
    T* columns = d_features + kChunk * plan.width;
    T* d_columns = columns + kChunk * rows;
    const auto give = [&](std::size_t i, const MatrixView<T>& to, std::int64_t first, std::int64_t count, const T* d,
                          std::int64_t stride) {
      if (sinks[i].data == nullptr) return;
      for (std::int64_t t = 0; t < count; ++t) {
        Sink<T>{to.data + (first + t) * to.stride, sinks[i].beta == T(0)}.accumulate(
            to.rows, [from = d + t * stride](std::int64_t j) { return from[j]; });
      }
    };
    for (std::int64_t n = 0; n < plan.heads * plan.slices; ++n) {
      const std::int64_t head = n % plan.heads;
      const std::int64_t slice = n / plan.heads;
      const MatrixView<const T> sums{all_sums + n * plan.sums(), rows, plan.width};
      const MatrixView<T> d_m{d_sums, rows, plan.width};
      const auto part = [&](std::size_t i, std::int64_t width, std::int64_t count) {
        return head_view(sinks[i].data, blocks[i].x.shape(), blocks[i].first_row, width, head, slice, count);
      };
      const auto q = head_of(blocks[0], plan.width, head, slice, plan.queries);
      const auto k = head_of(blocks[1], plan.width, head, slice, plan.keys);
      const auto v = head_of(blocks[2], plan.value_width, head, slice, plan.keys);
      const auto d_out = head_view(pull.d_output(), shape, 0, plan.value_width, head, slice, plan.queries);
      std::fill_n(d_sums, plan.sums(), T(0));
      for_each_chunk(plan.queries, [&](std::int64_t first, std::int64_t count) {
        const MatrixView<const T> d_c{d_columns, rows, count};
        const MatrixView<const T> f{features, plan.width, count};
        pack(q, first, count, x);
        positive_features(x, plan.width * count, features);
        gemm<T>(T(1), sums, Transpose::no, f, Transpose::no, T(0), MatrixView<T>{columns, rows, count});
        for (std::int64_t t = 0; t < count; ++t) {
          pull_divide_by_last(columns + t * rows, d_out.data + (first + t) * d_out.stride, rows - 1,
                              d_columns + t * rows);
        }
        gemm<T>(T(1), d_c, Transpose::no, f, Transpose::yes, T(1), d_m);  // columns = M φ(Q)
        gemm<T>(T(1), sums, Transpose::yes, d_c, Transpose::no, T(0), MatrixView<T>{d_features, plan.width, count});
        pull_positive_features(x, features, plan.width * count, d_features);
        give(0, part(0, plan.width, plan.queries), first, count, d_features, plan.width);
      });
      const std::int64_t length = plan.length(slice);
      for_each_chunk(length, [&](std::int64_t first, std::int64_t count) {
        pack(k, first, count, x);
        positive_features(x, plan.width * count, features);
        with_ones(v.data + first * v.stride, v.stride, rows - 1, count, columns);
        gemm<T>(T(1), d_m, Transpose::no, MatrixView<const T>{features, plan.width, count}, Transpose::no, T(0),
                MatrixView<T>{d_columns, rows, count});  // M = (V, 1) φ(K)ᵀ
        gemm<T>(T(1), d_m, Transpose::yes, MatrixView<const T>{columns, rows, count}, Transpose::no, T(0),
                MatrixView<T>{d_features, plan.width, count});
        pull_positive_features(x, features, plan.width * count, d_features);
        give(1, part(1, plan.width, plan.keys), first, count, d_features, plan.width);
        give(2, part(2, plan.value_width, plan.keys), first, count, d_columns, rows);
      });
      for (std::size_t i = 1; i < 3; ++i) {  // keys that nobody attends to
        if (sinks[i].data == nullptr || sinks[i].beta != T(0)) continue;
        const auto d = part(i, i == 1 ? plan.width : plan.value_width, plan.keys);
        for (std::int64_t t = length; t < plan.keys; ++t) std::fill_n(d.data + t * d.stride, d.rows, T(0));
      }
    }
  });
}

template Var<float> linear_attention(RowBlock<float>, RowBlock<float>, RowBlock<float>, std::int64_t,
                                     const std::int32_t*);
template Var<double> linear_attention(RowBlock<double>, RowBlock<double>, RowBlock<double>, std::int64_t,
                                      const std::int32_t*);
template Var<std::complex<double>> linear_attention(RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                                    RowBlock<std::complex<double>>, std::int64_t, const std::int32_t*);

OpSpec spec_linear_attention() {
  const std::int32_t* const lengths = ragged_lengths();
  const auto apart = [](std::int64_t heads, const std::int32_t* keys = nullptr) {
    return [=](auto x) {
      using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
      return linear_attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), heads, keys);
    };
  };
  const auto joined = [](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return linear_attention(Block{x[0], 1, 4}, Block{x[0], 5, 4}, Block{x[0], 9, 6}, 2, ragged_lengths());
  };
  const auto inputs = [](const Shape& query, std::int64_t keys, std::int64_t value_rows) {
    return std::vector<InputSpec>{{.shape = query, .name = "query"},
                                  {.shape = {query.rows, keys, query.slices}, .name = "key"},
                                  {.shape = {value_rows, keys, query.slices}, .name = "value"}};
  };
  return {.name = "linear_attention",
          .cases =
              {
                  {"D1_Q1_K1", inputs({1, 1}, 1, 1), apart(1)},
                  {"D2_H2_Q4_K5_B2", inputs({4, 4, 2}, 5, 4), apart(2)},
                  {"value_width_3", inputs({4, 3, 2}, 5, 6), apart(2)},
                  {"ragged_with_an_empty_slice", inputs({4, 3, 3}, 6, 4), apart(2, lengths)},
                  {"joined_with_rows_left_over", {{.shape = {16, 6, 3}}}, joined},
                  {"in_chunks_Q67_K70", inputs({2, 67}, 70, 2), apart(1)},
                  {"D67", inputs({67, 2}, 3, 2), apart(1)},
                  {"Dv67", inputs({2, 2}, 3, 67), apart(1)},
                  {"H5_B6", inputs({5, 3, 6}, 2, 5), apart(5)},
              },
          .refusals = {
              {"heads", {{5, 2}, {5, 2}, {4, 2}}, apart(2), "linear_attention: 2 heads do not divide the 5 rows"},
              {"no_heads", {{4, 2}, {4, 2}, {4, 2}}, apart(0), "linear_attention: heads must be at least 1, not 0"},
              {"key", {{4, 2}, {6, 2}, {4, 2}}, apart(1), "sizes disagree: query is (4, 2), key is (6, 2)"},
              {"value", {{4, 2}, {4, 3}, {4, 2}}, apart(1), "key is (4, 3), value is (4, 2)"},
          }};
}

}  // namespace tapehead
