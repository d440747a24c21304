#include "autograd/ops/attention.hpp"

#include <algorithm>
#include <array>

#include "autograd/gemm.hpp"
#include "autograd/ops/attention_plan.hpp"
#include "autograd/ops/columns.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// out = in with elements dropped and the others scaled up; both (keys, queries), may be the same memory.
template <Scalar T>
void drop_weights(const AttentionPlan& plan, const T* in, T* out, std::int64_t head, std::int64_t slice) {
  const auto factor = static_cast<Real<T>>(plan.keep.factor());
  const auto example = static_cast<std::uint32_t>(plan.first_example + slice);
  for (std::int64_t q = 0; q < plan.queries; ++q) {
    const std::int64_t count = plan.attended(slice, q);
    const T* from = in + q * plan.keys;
    T* to = out + q * plan.keys;
    plan.keep.for_each(example, static_cast<std::uint32_t>(q), static_cast<std::uint32_t>(head), plan.keys,
                       [=](std::int64_t k, bool keep) { to[k] = keep && k < count ? factor * from[k] : T(0); });
  }
}

// c = alpha · a · op(b) + beta · c on the first columns of c; the columns past b's belong to masked keys: they get
// nothing, or zeros where c is fresh.
template <Scalar T>
void add_product(T alpha, std::type_identity_t<MatrixView<const T>> a, std::type_identity_t<MatrixView<const T>> b,
                 Transpose op_b, T beta, MatrixView<T> c) {
  const std::int64_t columns = op_b == Transpose::yes ? b.rows : b.columns;
  if (a.columns > 0) {
    gemm(alpha, a, Transpose::no, b, op_b, beta, MatrixView<T>(c.data, c.rows, columns, c.stride));
  }
  if (beta != T(0)) return;
  for (std::int64_t j = a.columns > 0 ? columns : 0; j < c.columns; ++j) std::fill_n(c.data + j * c.stride, c.rows, T(0));
}

template <Scalar T>
void pull_head(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& blocks, const std::array<BlockSink<T>, 3>& sinks,
               const T* weights, const T* d_context, T* d_scores, T* dropped, std::int64_t head, std::int64_t slice) {
  const std::int64_t present = plan.keys_of(slice);
  const auto& [query, key, value] = blocks;
  const auto q = head_of(query, plan.width, head, slice, plan.queries);
  const auto k = head_of(key, plan.width, head, slice, present);
  const auto v = head_of(value, plan.value_width, head, slice, present);
  const Shape context{plan.heads * plan.value_width, plan.queries, plan.slices};
  const auto d_c = head_view(d_context, context, 0, plan.value_width, head, slice, plan.queries);
  const MatrixView p(weights, present, plan.queries, plan.keys);
  const auto sink_of = [&](std::size_t i, std::int64_t width, std::int64_t columns) {
    return head_view(sinks[i].data, blocks[i].x.shape(), blocks[i].first_row, width, head, slice, columns);
  };

  if (plan.drops()) drop_weights(plan, weights, dropped, head, slice);
  if (sinks[2].data != nullptr) {  // context = V · dropped(P)
    const MatrixView<const T> used(plan.drops() ? dropped : weights, present, plan.queries, plan.keys);
    add_product<T>(T(1), d_c, used, Transpose::yes, sinks[2].beta, sink_of(2, plan.value_width, plan.keys));
  }
  if (sinks[0].data == nullptr && sinks[1].data == nullptr) return;

  const MatrixView d_s(d_scores, present, plan.queries, plan.keys);
  gemm(T(1), v, Transpose::yes, d_c, Transpose::no, T(0), d_s);
  if (plan.drops()) drop_weights(plan, d_scores, d_scores, head, slice);
  for (std::int64_t j = 0; j < plan.queries; ++j) {  // P = softmax(S): d_S = P ∘ (d_P − Σ P ∘ d_P); zero where P is
    const T* pj = p.data + j * p.stride;
    T* dj = d_s.data + j * d_s.stride;
    const T inner = dot(pj, dj, present);
    for (std::int64_t i = 0; i < present; ++i) dj[i] = pj[i] * (dj[i] - inner);
  }
  const T scale(static_cast<Real<T>>(plan.scale));  // S = scale · Kᵀ Q
  if (sinks[0].data != nullptr) {
    add_product<T>(scale, k, d_s, Transpose::no, sinks[0].beta, sink_of(0, plan.width, plan.queries));
  }
  if (sinks[1].data != nullptr) {
    add_product<T>(scale, q, d_s, Transpose::yes, sinks[1].beta, sink_of(1, plan.width, plan.keys));
  }
}

}  // namespace

template <Scalar T>
Attended<T> attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const AttentionOptions& options) {
  const AttentionPlan plan = plan_attention(query, key, value, options);
  const Shape shape{plan.heads * plan.value_width, plan.queries, plan.slices};
  const std::int64_t map = plan.keys * plan.queries;
  Tape<T>& tape = query.x.tape();
  T* weights = tape.allocate(map * plan.heads * plan.slices);
  T* context = tape.allocate(shape.size());
  T* dropped = plan.drops() ? tape.allocate(map) : nullptr;

  for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
    const std::int64_t present = plan.keys_of(slice);
    for (std::int64_t head = 0; head < plan.heads; ++head) {
      T* p = weights + (slice * plan.heads + head) * map;
      gemm(T(static_cast<Real<T>>(plan.scale)), head_of(key, plan.width, head, slice, present), Transpose::yes,
           head_of(query, plan.width, head, slice, plan.queries), Transpose::no, T(0),
           MatrixView(p, present, plan.queries, plan.keys));
      for (std::int64_t j = 0; j < plan.queries; ++j) {
        T* column = p + j * plan.keys;
        const std::int64_t count = plan.attended(slice, j);
        softmax_column(column, count, column);
        std::fill(column + count, column + plan.keys, T(0));
      }
      if (plan.drops()) drop_weights(plan, p, dropped, head, slice);
      const MatrixView<const T> used(plan.drops() ? dropped : p, present, plan.queries, plan.keys);
      add_product<T>(T(1), head_of(value, plan.value_width, head, slice, present), used, Transpose::no, T(0),
                     head_view(context, shape, 0, plan.value_width, head, slice, plan.queries));
    }
  }

  const std::array<RowBlock<T>, 3> blocks{query, key, value};
  const Var<T> y = tape.record("attention", shape, context, {query.x, key.x, value.x}, [=](Pull<T>& pull) {
    const auto sinks = open_blocks(pull, blocks);
    T* d_scores = pull.scratch(map);
    for (std::int64_t slice = 0; slice < plan.slices; ++slice) {
      for (std::int64_t head = 0; head < plan.heads; ++head) {
        pull_head(plan, blocks, sinks, weights + (slice * plan.heads + head) * map, pull.d_output(), d_scores, dropped,
                  head, slice);
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
auto apart(AttentionOptions options) {
  return [options](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), options).context;
  };
}

auto joined(AttentionOptions options, std::int64_t rows, std::int64_t gap = 0) {
  return [options, rows, gap](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block{x[0], gap, rows}, Block{x[0], gap + rows, rows}, Block{x[0], gap + 2 * rows, rows}, options)
        .context;
  };
}

constexpr std::int32_t kRagged[] = {5, 0, 2};

}  // namespace

OpSpec spec_attention() {
  static const RandomStream random(11, Purpose::dropout);
  const AttentionMask causal{.causal = true};
  const AttentionMask ragged{.key_lengths = kRagged};
  const AttentionMask both{.causal = true, .key_lengths = kRagged};
  return {
      .name = "attention",
      .cases =
          {
              {"D4_H1_Q1_K1", {{{4}}, {{4}}, {{4}}}, apart({.scale = 0.5})},
              {"D3_H2_Q4_K5_B2", {{{6, 4, 2}}, {{6, 5, 2}}, {{6, 5, 2}}}, apart({.heads = 2, .scale = 0.577})},
              {"value_width_5", {{{6, 4, 2}}, {{6, 3, 2}}, {{10, 3, 2}}}, apart({.heads = 2, .scale = 1})},
              {"causal", {{{4, 5}}, {{4, 5}}, {{4, 5}}}, apart({.heads = 2, .scale = 0.7, .mask = causal})},
              {"ragged_with_an_empty_slice", {{{4, 3, 3}}, {{4, 5, 3}}, {{4, 5, 3}}},
               apart({.heads = 2, .scale = 0.7, .mask = ragged})},
              {"joined_causal_ragged", {{{12, 5, 3}}}, joined({.heads = 2, .scale = 0.7, .mask = both}, 4)},
              {"joined_with_rows_left_over", {{{15, 5, 3}}}, joined({.heads = 2, .scale = 0.7, .mask = ragged}, 4, 2)},
              {"query_offset", {{{4, 2}}, {{4, 5}}, {{4, 5}}},
               apart({.scale = 0.5, .mask = {.causal = true, .query_offset = 2}})},
              {"dropout", {{{4, 5, 3}}, {{4, 5, 3}}, {{4, 5, 3}}},
               apart({.heads = 2, .scale = 0.7, .mask = both, .dropout = 0.4, .random = &random, .first_example = 7})},
              {"D17_Q18_K33", {{{17, 18}}, {{17, 33}}, {{17, 33}}}, apart({.scale = 0.24})},
          },
      .refusals =
          {
              {"heads", {{5, 2}, {5, 2}, {5, 2}}, apart({.heads = 2}), "2 heads do not divide query (5, 2)"},
              {"no_heads", {{4, 2}, {4, 2}, {4, 2}}, apart({.heads = 0}), "heads must be at least 1, not 0"},
              {"key_width", {{4, 2}, {6, 2}, {4, 2}}, apart({}), "sizes disagree: query is (4, 2), key is (6, 2)"},
              {"positions", {{4, 2}, {4, 3}, {4, 2}}, apart({}), "key is (4, 3), value is (4, 2)"},
              {"rows", {{11, 2}}, joined({}, 4), "value is rows 8 to 12 of (11, 2)"},
              {"dropout", {{4, 2}, {4, 2}, {4, 2}}, apart({.dropout = 1, .random = &random}), "must be in [0, 1), not 1"},
              {"dropout_without_numbers", {{4, 2}, {4, 2}, {4, 2}}, apart({.dropout = 0.5}), "needs a random stream"},
          }};
}

}  // namespace tapehead
