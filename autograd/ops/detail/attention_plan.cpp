#include "autograd/ops/detail/attention_plan.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

template <Scalar T>
void check_block(const char* name, const RowBlock<T>& block) {
  const Shape shape = block.x.shape();
  if (block.first_row >= 0 && block.rows >= 1 && block.rows <= shape.rows - block.first_row) return;
  throw ShapeError(
      fmt::format("attention: {} is {} rows from {} on, of {}", name, block.rows, block.first_row, to_string(shape)));
}

void ask_rows(AttentionPlan& plan, Mask::Row* rows) {
  plan.rows = rows;
  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    for (std::int64_t head = 0; head < (plan.by_head ? plan.heads : 1); ++head, rows += plan.queries) {
      plan.mask.rows(plan.site(head, slice), 0, plan.queries, rows);
      for (std::int64_t q = 1; q < plan.queries && !plan.varies; ++q) {
        plan.varies = rows[q].begin != rows[0].begin || rows[q].end != rows[0].end;
      }
    }
  }
}

}  // namespace

template <Scalar T>
AttentionPlan plan_attention(Tape<T>& tape, const RowBlock<T>& query, const RowBlock<T>& key, const RowBlock<T>& value,
                             const AttentionOptions& options) {
  check_block("query", query);
  check_block("key", key);
  check_block("value", value);
  const auto shape_of = [](const RowBlock<T>& block) {
    return Shape{block.rows, block.x.shape().columns, block.x.shape().slices};
  };
  const Shape q = shape_of(query);
  const Shape k = shape_of(key);
  const Shape v = shape_of(value);
  if (options.heads < 1) throw ConfigError(fmt::format("attention: heads must be at least 1, not {}", options.heads));
  const std::int64_t key_heads = options.key_heads == 0 ? options.heads : options.key_heads;
  if (key_heads < 1 || options.heads % key_heads != 0) {
    throw ConfigError(
        fmt::format("attention: {} heads cannot share {} key heads equally", options.heads, options.key_heads));
  }
  if (q.rows % options.heads != 0 || v.rows % key_heads != 0) {
    throw ShapeError(fmt::format("attention: {} heads do not divide query {} and {} value {}", options.heads,
                                 to_string(q), key_heads, to_string(v)));
  }
  if (k.rows != q.rows / options.heads * key_heads || k.columns != v.columns || q.slices != k.slices ||
      k.slices != v.slices) {
    throw ShapeError(fmt::format("attention: sizes disagree: query is {}, key is {}, value is {}", to_string(q),
                                 to_string(k), to_string(v)));
  }
  if (options.kernel == AttentionKernel::composed) {
    throw ConfigError("attention: the composed way is made of other ops; call attend() of layers/attention instead");
  }
  if (options.dropout > 0 && options.random == nullptr) {
    throw ConfigError("attention: dropout needs a random stream; set AttentionOptions::random");
  }
  const RandomStream random = options.random != nullptr ? *options.random : RandomStream(0, Purpose::dropout);
  AttentionPlan plan{options.heads,
                     key_heads,
                     q.rows / options.heads,
                     v.rows / key_heads,
                     k.columns,
                     q.columns,
                     q.slices,
                     options.mask,
                     options.scale,
                     options.cap,
                     options.zero_sink,
                     KeepRule("attention: dropout", options.dropout, random),
                     options.first_example};
  plan.by_head = options.mask.by_head();
  ask_rows(plan, tape.template allocate_as<Mask::Row>(q.columns * q.slices * (plan.by_head ? options.heads : 1)));
  return plan;
}

template <Scalar T>
bool open_blocks(Pull<T>& pull, std::span<const RowBlock<T>> blocks, std::span<BlockSink<T>> sinks) {
  constexpr std::size_t kMost = 4;
  std::array<bool, kMost> done{};
  bool any_overlap = false;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (done[i] || !blocks[i].x) continue;
    // Overwriting is right only if the blocks of this variable cover all its rows without overlap.
    const T* memory = blocks[i].x.data();
    std::int64_t covered = 0;
    bool overlap = false;
    for (std::size_t j = i; j < blocks.size(); ++j) {
      if (!blocks[j].x || blocks[j].x.data() != memory) continue;
      covered += blocks[j].rows;
      for (std::size_t l = i; l < j; ++l) {
        overlap |= blocks[l].x && blocks[l].x.data() == memory &&
                   blocks[l].first_row < blocks[j].first_row + blocks[j].rows &&
                   blocks[j].first_row < blocks[l].first_row + blocks[l].rows;
      }
    }
    any_overlap |= overlap;
    const Shape shape = blocks[i].x.shape();
    Sink<T> sink = pull.into(blocks[i].x);
    if (sink && (overlap || covered != shape.rows)) sink.zero_if_fresh(shape.size());
    for (std::size_t j = i; j < blocks.size(); ++j) {
      if (!blocks[j].x || blocks[j].x.data() != memory) continue;
      done[j] = true;
      if (sink) sinks[j] = {sink.data, sink.beta()};
    }
  }
  return any_overlap;
}

template AttentionPlan plan_attention(Tape<float>&, const RowBlock<float>&, const RowBlock<float>&,
                                      const RowBlock<float>&, const AttentionOptions&);
template AttentionPlan plan_attention(Tape<double>&, const RowBlock<double>&, const RowBlock<double>&,
                                      const RowBlock<double>&, const AttentionOptions&);
template AttentionPlan plan_attention(Tape<std::complex<double>>&, const RowBlock<std::complex<double>>&,
                                      const RowBlock<std::complex<double>>&, const RowBlock<std::complex<double>>&,
                                      const AttentionOptions&);
template bool open_blocks(Pull<float>&, std::span<const RowBlock<float>>, std::span<BlockSink<float>>);
template bool open_blocks(Pull<double>&, std::span<const RowBlock<double>>, std::span<BlockSink<double>>);
template bool open_blocks(Pull<std::complex<double>>&, std::span<const RowBlock<std::complex<double>>>,
                          std::span<BlockSink<std::complex<double>>>);

}  // namespace tapehead
