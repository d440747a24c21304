#include "autograd/ops/attention.hpp"

#include <algorithm>
#include <array>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/attention_plan.hpp"
#include "autograd/ops/detail/attention_tiled.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Queries that are taken together where later ones attend to more keys: what the mask rules out beyond the last query's
// keys is not computed.
constexpr std::int64_t kQueryBlock = 64;

struct QueryBlock {
  std::int64_t first, count;
  std::int64_t keys;  // that its last query, hence any of them, may attend
};

// One at least: without queries it still writes the gradients of keys and values, which are zero.
std::int64_t blocks_of(const AttentionPlan& plan) {
  return plan.mask.causal ? std::max<std::int64_t>(1, (plan.queries + kQueryBlock - 1) / kQueryBlock) : 1;
}

QueryBlock query_block(const AttentionPlan& plan, std::int64_t slice, std::int64_t block) {
  const std::int64_t first = block * kQueryBlock;
  const std::int64_t end = plan.mask.causal ? std::min(first + kQueryBlock, plan.queries) : plan.queries;
  return {first, end - first, end > 0 ? plan.attended(slice, end - 1) : 0};
}

// out = in with elements dropped and the others scaled up, for the queries of a block; both have a column
// of `keys` for each, and may be the same memory.
template <Scalar T>
void drop_weights(const AttentionPlan& plan, const T* in, T* out, std::int64_t head, std::int64_t slice,
                  const QueryBlock& block) {
  const auto factor = static_cast<Real<T>>(plan.keep.factor());
  const auto example = static_cast<std::uint32_t>(plan.first_example + slice);
  for (std::int64_t j = 0; j < block.count; ++j) {
    const std::int64_t query = block.first + j;
    const std::int64_t attended = plan.attended(slice, query);
    const T* from = in + j * plan.keys;
    T* to = out + j * plan.keys;
    plan.keep.for_each(example, static_cast<std::uint32_t>(query), static_cast<std::uint32_t>(head), block.keys,
                       [=](std::int64_t k, bool keep) { to[k] = keep && k < attended ? factor * from[k] : T(0); });
  }
}

template <Scalar T>
void zero_columns(MatrixView<T> c, std::int64_t first) {
  for (std::int64_t j = first; j < c.columns; ++j) std::fill_n(c.data + j * c.stride, c.rows, T(0));
}

// Weights and context of one head of one slice.
template <Scalar T>
void attend_head(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs, T* weights, T* dropped,
                 MatrixView<T> context, std::int64_t head, std::int64_t slice) {
  const auto& [query, key, value] = inputs;
  const auto q = head_of(query, plan.width, head, slice, plan.queries);
  for (std::int64_t at = 0; at < blocks_of(plan); ++at) {
    const QueryBlock block = query_block(plan, slice, at);
    T* p = weights + block.first * plan.keys;
    gemm(T(static_cast<Real<T>>(plan.scale)), head_of(key, plan.width, head, slice, block.keys), Transpose::yes,
         columns_of(q, block.first, block.count), Transpose::no, T(0),
         MatrixView(p, block.keys, block.count, plan.keys));
    for (std::int64_t j = 0; j < block.count; ++j) {
      T* column = p + j * plan.keys;
      const std::int64_t count = plan.attended(slice, block.first + j);
      softmax_column(column, count, column);
      std::fill(column + count, column + plan.keys, T(0));
    }
    if (plan.drops()) drop_weights(plan, p, dropped, head, slice, block);
    const MatrixView<const T> used(plan.drops() ? dropped : p, block.keys, block.count, plan.keys);
    gemm<T>(T(1), head_of(value, plan.value_width, head, slice, block.keys), Transpose::no, used, Transpose::no, T(0),
            columns_of(context, block.first, block.count));
  }
}

template <Scalar T>
void pull_head(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs,
               const std::array<BlockSink<T>, 3>& sinks, const T* weights, MatrixView<const T> d_context, T* d_scores,
               T* dropped, std::int64_t head, std::int64_t slice) {
  const auto& [query, key, value] = inputs;
  const auto q = head_of(query, plan.width, head, slice, plan.queries);
  const auto sink_of = [&](std::size_t i, std::int64_t width, std::int64_t columns) {
    return head_view(sinks[i].data, inputs[i].x.shape(), inputs[i].first_row, width, head, slice, columns);
  };
  const T scale(static_cast<Real<T>>(plan.scale));
  const std::int64_t blocks = blocks_of(plan);
  // From the last block, which reaches the most keys: what it does not reach gets no gradient at all, and where the
  // memory is fresh it is the first to write.
  for (std::int64_t at = blocks; at-- > 0;) {
    const QueryBlock block = query_block(plan, slice, at);
    const bool first_contribution = at + 1 == blocks;
    const auto key_beta = [&](std::size_t i) { return first_contribution ? sinks[i].beta : T(1); };
    const auto d_c = columns_of(d_context, block.first, block.count);
    const MatrixView p(weights + block.first * plan.keys, block.keys, block.count, plan.keys);

    if (sinks[2].data != nullptr) {  // context = V · dropped(P)
      if (plan.drops()) drop_weights(plan, p.data, dropped, head, slice, block);
      const MatrixView<const T> used(plan.drops() ? dropped : p.data, block.keys, block.count, plan.keys);
      gemm<T>(T(1), d_c, Transpose::no, used, Transpose::yes, key_beta(2), sink_of(2, plan.value_width, block.keys));
      if (first_contribution && sinks[2].beta == T(0)) {
        zero_columns(sink_of(2, plan.value_width, plan.keys), block.keys);
      }
    }
    if (sinks[0].data == nullptr && sinks[1].data == nullptr) continue;

    const MatrixView d_s(d_scores, block.keys, block.count, plan.keys);
    gemm(T(1), head_of(value, plan.value_width, head, slice, block.keys), Transpose::yes, d_c, Transpose::no, T(0),
         d_s);
    if (plan.drops()) drop_weights(plan, d_scores, d_scores, head, slice, block);
    for (std::int64_t j = 0; j < block.count; ++j) {  // P = softmax(S): d_S = P ∘ (d_P − Σ P ∘ d_P); zero where P is
      const T* pj = p.data + j * p.stride;
      T* dj = d_s.data + j * d_s.stride;
      const T inner = dot(pj, dj, block.keys);
      for (std::int64_t i = 0; i < block.keys; ++i) dj[i] = pj[i] * (dj[i] - inner);
    }
    if (sinks[0].data != nullptr) {  // S = scale · Kᵀ Q
      gemm<T>(scale, head_of(key, plan.width, head, slice, block.keys), Transpose::no, d_s, Transpose::no,
              sinks[0].beta, columns_of(sink_of(0, plan.width, plan.queries), block.first, block.count));
    }
    if (sinks[1].data != nullptr) {
      gemm<T>(scale, columns_of(q, block.first, block.count), Transpose::no, d_s, Transpose::yes, key_beta(1),
              sink_of(1, plan.width, block.keys));
      if (first_contribution && sinks[1].beta == T(0)) zero_columns(sink_of(1, plan.width, plan.keys), block.keys);
    }
  }
}

bool takes_tiles(AttentionKernel kernel, std::int64_t map) {
  return kernel == AttentionKernel::tiled ||
         (kernel == AttentionKernel::automatic && map >= AttentionOptions::kTiledFrom);
}

}  // namespace

template <Scalar T>
Attended<T> attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const AttentionOptions& options) {
  Tape<T>& tape = tape_of("attention", {query.x, key.x, value.x});
  const AttentionPlan plan = plan_attention(query, key, value, options);
  const std::array<RowBlock<T>, 3> inputs{query, key, value};
  const Shape shape = plan.context_shape();
  const std::int64_t map = plan.keys * plan.queries;
  if (takes_tiles(options.kernel, map)) return {tiled_attention(plan, inputs), nullptr};
  T* weights = tape.allocate(map * plan.heads * plan.slices);
  T* context = tape.allocate(shape.size());
  T* dropped = plan.drops() ? tape.allocate(map) : nullptr;
  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    for (std::int64_t head = 0; head < plan.heads; ++head) {
      attend_head(plan, inputs, weights + (slice * plan.heads + head) * map, dropped,
                  head_view(context, shape, 0, plan.value_width, head, slice, plan.queries), head, slice);
    }
  }

  const Var<T> y = tape.record("attention", shape, context, {query.x, key.x, value.x}, [=](Pull<T>& pull) {
    const auto sinks = open_blocks(pull, inputs);
    T* d_scores = pull.scratch(map);
    for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
      for (std::int64_t head = 0; head < plan.heads; ++head) {
        pull_head<T>(plan, inputs, sinks, weights + (slice * plan.heads + head) * map,
                     head_view(pull.d_output(), shape, 0, plan.value_width, head, slice, plan.queries), d_scores,
                     dropped, head, slice);
      }
    }
  });
  return {y, weights};
}

template Attended<float> attention(RowBlock<float>, RowBlock<float>, RowBlock<float>, const AttentionOptions&);
template Attended<double> attention(RowBlock<double>, RowBlock<double>, RowBlock<double>, const AttentionOptions&);
template Attended<std::complex<double>> attention(RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                                  RowBlock<std::complex<double>>, const AttentionOptions&);

namespace {

// Queries, keys and values as three inputs, or as row blocks of one.
auto attend_apart(AttentionOptions options) {
  return [options](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), options).context;
  };
}

auto attend_joined(AttentionOptions options, std::int64_t rows, std::int64_t gap = 0) {
  return [options, rows, gap](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block{x[0], gap, rows}, Block{x[0], gap + rows, rows}, Block{x[0], gap + 2 * rows, rows}, options)
        .context;
  };
}

constexpr std::int32_t kRagged[] = {5, 0, 2};
constexpr std::int32_t kLong[] = {140, 37};

// The sizes of one call of attention.
struct CallSizes {
  std::int64_t width, value_width, queries, keys, slices = 1;
};

AttentionRule rule_of(const AttentionOptions& options) {
  return {options.heads, [mask = options.mask](std::int64_t query, std::int64_t key, std::int64_t slice) {
            const bool present = mask.key_lengths == nullptr || key < mask.key_lengths[slice];
            return present && (!mask.causal || key <= query + mask.query_offset);
          }};
}

OpCase case_apart(const std::string& label, const CallSizes& sizes, const AttentionOptions& options) {
  const std::int64_t heads = options.heads;
  const auto input = [heads](const char* name, std::int64_t width, std::int64_t columns, std::int64_t slices) {
    return InputSpec{
        .shape = {heads * width, columns, slices}, .name = name, .parts = {{name, 0, heads * width, heads}}};
  };
  return {
      label,
      {input("query", sizes.width, sizes.queries, sizes.slices), input("key", sizes.width, sizes.keys, sizes.slices),
       input("value", sizes.value_width, sizes.keys, sizes.slices)},
      attend_apart(options),
      rule_of(options)};
}

OpCase case_joined(const std::string& label, const Shape& shape, const AttentionOptions& options, std::int64_t rows,
                   std::int64_t gap = 0) {
  const std::int64_t heads = options.heads;
  const InputSpec input{
      .shape = shape,
      .name = "joined",
      .parts = {{"query", gap, rows, heads}, {"key", gap + rows, rows, heads}, {"value", gap + 2 * rows, rows, heads}}};
  return {label, {input}, attend_joined(options, rows, gap), rule_of(options)};
}

// Every way of calling attention, by one kernel.
std::vector<OpCase> attention_cases(const std::string& prefix, AttentionKernel kernel) {
  static const RandomStream random(11, Purpose::dropout);
  const AttentionMask causal{.causal = true};
  const AttentionMask ragged{.key_lengths = kRagged};
  const AttentionMask both{.causal = true, .key_lengths = kRagged};
  const auto with_kernel = [kernel](AttentionOptions options) {
    options.kernel = kernel;
    return options;
  };
  const auto apart = [&](const char* label, const CallSizes& sizes, const AttentionOptions& options) {
    return case_apart(label, sizes, with_kernel(options));
  };
  const auto joined = [&](const char* label, const Shape& shape, const AttentionOptions& options, std::int64_t rows,
                          std::int64_t gap = 0) { return case_joined(label, shape, with_kernel(options), rows, gap); };
  std::vector<OpCase> cases{
      apart("D4_H1_Q1_K1", {4, 4, 1, 1}, {.scale = 0.5}),
      apart("D3_H2_Q4_K5_B2", {3, 3, 4, 5, 2}, {.heads = 2, .scale = 0.577}),
      apart("value_width_5", {3, 5, 4, 3, 2}, {.heads = 2, .scale = 1}),
      apart("causal", {2, 2, 5, 5}, {.heads = 2, .scale = 0.7, .mask = causal}),
      apart("ragged_with_an_empty_slice", {2, 2, 3, 5, 3}, {.heads = 2, .scale = 0.7, .mask = ragged}),
      joined("causal_in_blocks", {6, 70}, {.scale = 0.7, .mask = causal}, 2),
      joined("joined_causal_ragged", {12, 5, 3}, {.heads = 2, .scale = 0.7, .mask = both}, 4),
      joined("joined_with_rows_left_over", {15, 5, 3}, {.heads = 2, .scale = 0.7, .mask = ragged}, 4, 2),
      apart("query_offset", {4, 4, 2, 5}, {.scale = 0.5, .mask = {.causal = true, .query_offset = 2}}),
      apart("dropout", {2, 2, 5, 5, 3},
            {.heads = 2, .scale = 0.7, .mask = both, .dropout = 0.4, .random = &random, .first_example = 7}),
      apart("D17_Q18_K33", {17, 17, 18, 33}, {.scale = 0.24}),
      apart("H5_B6", {2, 1, 3, 2, 6}, {.heads = 5, .scale = 0.7}),
      apart("Q3_K67", {2, 2, 3, 67}, {.heads = 1, .scale = 0.7}),
      apart("D67_Q2_K3", {67, 3, 2, 3}, {.scale = 0.1}),
      apart("value_width_67", {2, 67, 2, 3}, {.scale = 0.7}),
      apart("saturated", {2, 2, 3, 5}, {.scale = 2}),
  };
  for (OpCase& op_case : cases) op_case.label = prefix + op_case.label;
  return cases;
}

}  // namespace

OpSpec spec_attention() {
  static const RandomStream random(11, Purpose::dropout);
  std::vector<OpCase> cases = attention_cases("", AttentionKernel::whole);
  for (OpCase& tiled : attention_cases("tiled_", AttentionKernel::tiled)) cases.push_back(std::move(tiled));
  // More keys and queries than a tile holds, with parts left over.
  constexpr AttentionKernel kTiled = AttentionKernel::tiled;
  const AttentionMask both{.causal = true, .key_lengths = kLong};
  cases.push_back(case_apart("tiles", {1, 1, 70, 140}, {.heads = 2, .scale = 0.7, .kernel = kTiled}));
  cases.push_back(case_joined("tiles_causal_ragged_dropped", {3, 140, 2},
                              {.scale = 0.7, .mask = both, .dropout = 0.3, .random = &random, .kernel = kTiled}, 1));
  return {
      .name = "attention",
      .cases = std::move(cases),
      .refusals = {
          {"heads", {{5, 2}, {5, 2}, {5, 2}}, attend_apart({.heads = 2}), "2 heads do not divide query (5, 2)"},
          {"no_heads", {{4, 2}, {4, 2}, {4, 2}}, attend_apart({.heads = 0}), "heads must be at least 1, not 0"},
          {"key_width", {{4, 2}, {6, 2}, {4, 2}}, attend_apart({}), "sizes disagree: query is (4, 2), key is (6, 2)"},
          {"positions", {{4, 2}, {4, 3}, {4, 2}}, attend_apart({}), "key is (4, 3), value is (4, 2)"},
          {"rows", {{11, 2}}, attend_joined({}, 4), "value is 4 rows from 8 on, of (11, 2)"},
          {"dropout",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.dropout = 1, .random = &random}),
           "must be in [0, 1), not 1"},
          {"dropout_without_numbers",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.dropout = 0.5}),
           "needs a random stream"},
      }};
}

}  // namespace tapehead
