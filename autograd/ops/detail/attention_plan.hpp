#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/detail/keep.hpp"

namespace tapehead {

/// Sizes and options of one call of attention, checked; small enough to be kept by a pullback.
struct AttentionPlan {
  std::int64_t heads, width, value_width, keys, queries, slices;
  AttentionMask mask;
  double scale;
  KeepRule keep;
  std::int64_t first_example;

  bool drops() const { return keep.rate() > 0; }
  Shape context_shape() const { return {heads * value_width, queries, slices}; }

  std::int64_t keys_of(std::int64_t slice) const {
    return mask.key_lengths == nullptr ? keys : std::min<std::int64_t>(keys, mask.key_lengths[slice]);
  }
  /// Keys [0, n) may be attended by this query; more by no earlier one.
  std::int64_t attended(std::int64_t slice, std::int64_t query) const {
    const std::int64_t present = keys_of(slice);
    return mask.causal ? std::clamp<std::int64_t>(query + mask.query_offset + 1, 0, present) : present;
  }
};

/// Throws what attention() throws.
template <Scalar T>
AttentionPlan plan_attention(const RowBlock<T>& query, const RowBlock<T>& key, const RowBlock<T>& value,
                             const AttentionOptions& options);

/// Columns [0, columns) of head `head` of slice `slice` of the rows of `whole` from first_row on: (width, columns),
/// strided.
template <class T>
MatrixView<T> head_view(T* data, const Shape& whole, std::int64_t first_row, std::int64_t width, std::int64_t head,
                        std::int64_t slice, std::int64_t columns) {
  return {data + first_row + head * width + slice * whole.rows * whole.columns, width, columns, whole.rows};
}

template <Scalar T>
MatrixView<const T> head_of(const RowBlock<T>& block, std::int64_t width, std::int64_t head, std::int64_t slice,
                            std::int64_t columns) {
  return head_view(block.x.data(), block.x.shape(), block.first_row, width, head, slice, columns);
}

/// Columns [first, first + count) of a matrix.
template <class T>
MatrixView<T> columns_of(const MatrixView<T>& whole, std::int64_t first, std::int64_t count) {
  return {whole.data + first * whole.stride, whole.rows, count, whole.stride};
}

/// The gradient of one of the three blocks: of the whole variable, and the beta of the first product that adds to it.
template <Scalar T>
struct BlockSink {
  T* data = nullptr;
  T beta = T(1);
};

/// Opens the gradients of query, key and value. Blocks may share a variable: it is opened once.
template <Scalar T>
std::array<BlockSink<T>, 3> open_blocks(Pull<T>& pull, const std::array<RowBlock<T>, 3>& blocks);

}  // namespace tapehead
