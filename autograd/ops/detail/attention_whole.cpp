#include "autograd/ops/detail/attention_whole.hpp"

#include <algorithm>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/attended.hpp"

namespace tapehead {
namespace {

// Queries that are taken together where they see different keys: what the mask rules out for all of them is not
// computed.
constexpr std::int64_t kQueryBlock = 64;

struct QueryBlock {
  std::int64_t first, count;
  KeyRange keys;  // that any of its queries may attend

  std::int64_t size() const { return keys.end - keys.begin; }
};

// One at least: without queries it still writes the gradients of keys and values, which are zero.
std::int64_t blocks_of(const AttentionPlan& plan) {
  return plan.varies ? (plan.queries + kQueryBlock - 1) / kQueryBlock : 1;
}

QueryBlock query_block(const AttentionPlan& plan, const MaskSite& at, std::int64_t block) {
  const std::int64_t first = block * kQueryBlock;
  const std::int64_t count = plan.varies ? std::min(kQueryBlock, plan.queries - first) : plan.queries;
  return {first, count, plan.reach(at, first, count)};
}

// out = in with elements dropped and the others scaled up, for the queries of a block; both have a column
// of `keys` for each, and may be the same memory.
template <Scalar T>
void drop_weights(const AttentionPlan& plan, const T* in, T* out, const MaskSite& at, const QueryBlock& block) {
  const auto factor = static_cast<Real<T>>(plan.keep.factor());
  const auto example = static_cast<std::uint32_t>(plan.first_example + at.example);
  const std::int64_t first = block.keys.begin / 4 * 4;  // KeepRule wants a multiple of 4
  for (std::int64_t j = 0; j < block.count; ++j) {
    const T* from = in + j * plan.keys + first;
    T* to = out + j * plan.keys + first;
    plan.keep.for_each(example, static_cast<std::uint32_t>(block.first + j), static_cast<std::uint32_t>(at.head), first,
                       block.keys.end - first, [=, skipped = block.keys.begin - first](std::int64_t k, bool keep) {
                         to[k] = keep && k >= skipped ? factor * from[k] : T(0);
                       });
  }
}

template <Scalar T>
void zero_columns(MatrixView<T> c, std::int64_t first, std::int64_t end) {
  for (std::int64_t j = first; j < end; ++j) std::fill_n(c.data + j * c.stride, c.rows, T(0));
}

// Weights and context of one head of one slice.
template <Scalar T>
void attend_head(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs, T* weights, T* dropped,
                 MatrixView<T> context, const MaskSite& at) {
  const auto& [query, key, value] = inputs;
  const auto q = head_of(query, plan.width, at.head, at.example, plan.queries);
  const auto k = head_of(key, plan.width, at.head / plan.group(), at.example, plan.keys);
  const auto v = head_of(value, plan.value_width, at.head / plan.group(), at.example, plan.keys);
  for (std::int64_t b = 0; b < blocks_of(plan); ++b) {
    const QueryBlock block = query_block(plan, at, b);
    T* p = weights + block.first * plan.keys;
    gemm(T(static_cast<Real<T>>(plan.scale)), columns_of(k, block.keys.begin, block.size()), Transpose::yes,
         columns_of(q, block.first, block.count), Transpose::no, T(0),
         MatrixView(p + block.keys.begin, block.size(), block.count, plan.keys));
    softmax_attended(plan.mask, at, block.first, plan.rows_of(at, block.first, block.count), p);
    if (plan.drops()) drop_weights(plan, p, dropped, at, block);
    const T* used = plan.drops() ? dropped : p;
    gemm<T>(T(1), columns_of(v, block.keys.begin, block.size()), Transpose::no,
            MatrixView<const T>(used + block.keys.begin, block.size(), block.count, plan.keys), Transpose::no, T(0),
            columns_of(context, block.first, block.count));
  }
}

// Where the gradients of one head are.
template <Scalar T>
struct HeadGradients {
  MatrixView<T> query, key, value;  // data is nullptr where none is wanted
  T query_beta, key_beta, value_beta;
};

template <Scalar T>
void pull_head(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs, HeadGradients<T> gradients,
               const T* weights, MatrixView<const T> d_context, T* d_scores, T* dropped, const MaskSite& at) {
  const auto q = head_of(inputs[0], plan.width, at.head, at.example, plan.queries);
  const auto k = head_of(inputs[1], plan.width, at.head / plan.group(), at.example, plan.keys);
  const auto v = head_of(inputs[2], plan.value_width, at.head / plan.group(), at.example, plan.keys);
  const T scale(static_cast<Real<T>>(plan.scale));
  const std::int64_t blocks = blocks_of(plan);
  // From the last block, which mostly reaches every key that any reaches: where the memory is fresh it is the first to
  // write, and what it does not reach gets no gradient at all.
  const QueryBlock last = query_block(plan, at, blocks - 1);
  const KeyRange all = blocks == 1 ? last.keys : plan.reach(at, 0, plan.queries);
  const bool reaches_all = last.keys.begin == all.begin && last.keys.end == all.end;
  const KeyRange written = reaches_all ? last.keys : KeyRange{0, 0};
  const auto begin_keys = [&](const MatrixView<T>& d, T& beta) {
    if (d.data == nullptr || beta != T(0)) return;
    zero_columns(d, 0, written.begin);
    zero_columns(d, written.end, plan.keys);
    if (written.empty()) beta = T(1);
  };
  begin_keys(gradients.key, gradients.key_beta);
  begin_keys(gradients.value, gradients.value_beta);
  for (std::int64_t b = blocks; b-- > 0;) {
    const bool first_contribution = b + 1 == blocks;
    const QueryBlock block = first_contribution ? last : query_block(plan, at, b);
    const auto d_c = columns_of(d_context, block.first, block.count);
    const T* p = weights + block.first * plan.keys;
    const auto of_block = [&](auto* map) {
      return MatrixView(map + block.keys.begin, block.size(), block.count, plan.keys);
    };

    if (gradients.value.data != nullptr) {  // context = V · dropped(P)
      if (plan.drops()) drop_weights(plan, p, dropped, at, block);
      const MatrixView<const T> used = of_block(plan.drops() ? static_cast<const T*>(dropped) : p);
      gemm<T>(T(1), d_c, Transpose::no, used, Transpose::yes, first_contribution ? gradients.value_beta : T(1),
              columns_of(gradients.value, block.keys.begin, block.size()));
    }
    if (gradients.query.data == nullptr && gradients.key.data == nullptr) continue;

    const MatrixView<T> d_s = of_block(d_scores);
    gemm<T>(T(1), columns_of(v, block.keys.begin, block.size()), Transpose::yes, d_c, Transpose::no, T(0), d_s);
    if (plan.drops()) drop_weights(plan, d_scores, d_scores, at, block);
    pull_softmax_attended(plan.rows_of(at, block.first, block.count), block.keys, plan.keys, p + block.keys.begin,
                          d_s.data);
    if (gradients.query.data != nullptr) {  // S = scale · Kᵀ Q
      gemm<T>(scale, columns_of(k, block.keys.begin, block.size()), Transpose::no, d_s, Transpose::no,
              gradients.query_beta, columns_of(gradients.query, block.first, block.count));
    }
    if (gradients.key.data != nullptr) {
      gemm<T>(scale, columns_of(q, block.first, block.count), Transpose::no, d_s, Transpose::yes,
              first_contribution ? gradients.key_beta : T(1),
              columns_of(gradients.key, block.keys.begin, block.size()));
    }
  }
}

}  // namespace

template <Scalar T>
Attended<T> whole_attention(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs) {
  const Shape shape = plan.context_shape();
  const std::int64_t map = plan.keys * plan.queries;
  Tape<T>& tape = inputs[0].x.tape();
  T* weights = tape.allocate(map * plan.heads * plan.slices);
  T* context = tape.allocate(shape.size());
  T* dropped = plan.drops() ? tape.allocate(map) : nullptr;
  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    for (std::int64_t head = 0; head < plan.heads; ++head) {
      attend_head(plan, inputs, weights + (slice * plan.heads + head) * map, dropped,
                  head_view(context, shape, 0, plan.value_width, head, slice, plan.queries), plan.site(head, slice));
    }
  }

  const Var<T> y =
      tape.record("attention", shape, context, {inputs[0].x, inputs[1].x, inputs[2].x}, [=](Pull<T>& pull) {
        const auto sinks = open_blocks(pull, inputs);
        T* d_scores = pull.scratch(map);
        for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
          for (std::int64_t head = 0; head < plan.heads; ++head) {
            const auto part = [&](std::size_t i, std::int64_t of, std::int64_t width, std::int64_t columns) {
              if (sinks[i].data == nullptr) return MatrixView<T>{nullptr, 0, 0, 0};
              return head_view(sinks[i].data, inputs[i].x.shape(), inputs[i].first_row, width, of, slice, columns);
            };
            const std::int64_t key_head = head / plan.group();
            const bool shared = head % plan.group() != 0;  // an earlier head has written the gradients of these keys
            const HeadGradients<T> gradients{part(0, head, plan.width, plan.queries),
                                             part(1, key_head, plan.width, plan.keys),
                                             part(2, key_head, plan.value_width, plan.keys),
                                             sinks[0].beta,
                                             shared ? T(1) : sinks[1].beta,
                                             shared ? T(1) : sinks[2].beta};
            pull_head<T>(plan, inputs, gradients, weights + (slice * plan.heads + head) * map,
                         head_view(pull.d_output(), shape, 0, plan.value_width, head, slice, plan.queries), d_scores,
                         dropped, plan.site(head, slice));
          }
        }
      });
  return {y, weights};
}

template Attended<float> whole_attention(const AttentionPlan&, const std::array<RowBlock<float>, 3>&);
template Attended<double> whole_attention(const AttentionPlan&, const std::array<RowBlock<double>, 3>&);
template Attended<std::complex<double>> whole_attention(const AttentionPlan&,
                                                        const std::array<RowBlock<std::complex<double>>, 3>&);

}  // namespace tapehead
