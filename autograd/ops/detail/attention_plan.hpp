#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/detail/keep.hpp"

namespace tapehead {

/// Sizes and options of one call of attention, checked; small enough to be kept by a pullback.
struct AttentionPlan {
  std::int64_t heads, key_heads, width, value_width, keys, queries, slices;
  Mask mask;
  double scale, cap;
  bool zero_sink;
  KeepRule keep;
  std::int64_t first_example;
  const Mask::Row* rows = nullptr;  // (Q, B), or (Q, H, B) for a mask that goes by head; in the tape's memory
  bool by_head = false;
  bool varies = false;  // whether two queries of one example see other hulls

  /// How many query heads read the same keys.
  std::int64_t group() const { return heads / key_heads; }
  bool drops() const { return keep.rate() > 0; }
  Shape context_shape() const { return {heads * value_width, queries, slices}; }

  MaskSite site(std::int64_t head, std::int64_t slice) const { return {slice, head, keys}; }
  /// The hull of every query of a head.
  const Mask::Row* rows_of(const MaskSite& at) const {
    return rows + queries * (by_head ? at.head + heads * at.example : at.example);
  }
  std::span<const Mask::Row> rows_of(const MaskSite& at, std::int64_t first, std::int64_t count) const {
    return {rows_of(at) + first, static_cast<std::size_t>(count)};
  }
  /// A range that no key outside of is attended by any of these queries; {0, 0} where there is none.
  KeyRange reach(const MaskSite& at, std::int64_t first, std::int64_t count) const {
    const Mask::Row* row = rows_of(at) + first;
    std::int32_t begin = std::numeric_limits<std::int32_t>::max();
    std::int32_t end = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      begin = std::min(begin, row[i].begin < row[i].end ? row[i].begin : begin);
      end = std::max(end, row[i].end);
    }
    return end == 0 ? KeyRange{0, 0} : KeyRange{begin, end};
  }
};

/// Throws what attention() throws.
template <Scalar T>
AttentionPlan plan_attention(Tape<T>& tape, const RowBlock<T>& query, const RowBlock<T>& key, const RowBlock<T>& value,
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

/// Opens the gradients of blocks; one that is not there is skipped. Blocks may share a variable: it is opened once.
/// Returns whether some overlap.
template <Scalar T>
bool open_blocks(Pull<T>& pull, std::span<const RowBlock<T>> blocks, std::span<BlockSink<T>> sinks);

/// The same of query, key and value.
template <Scalar T>
std::array<BlockSink<T>, 3> open_blocks(Pull<T>& pull, const std::array<RowBlock<T>, 3>& blocks) {
  std::array<BlockSink<T>, 3> sinks;
  open_blocks<T>(pull, blocks, sinks);
  return sinks;
}

}  // namespace tapehead
