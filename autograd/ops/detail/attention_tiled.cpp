#include "autograd/ops/detail/attention_tiled.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops/detail/attended.hpp"
#include "autograd/ops/detail/score_shape.hpp"
#include "autograd/parallel.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kQueries = 64;  // of a tile
constexpr std::int64_t kKeys = 128;

std::int64_t tiles_of(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

// What the pullback needs of a query to make its weights again: exp(s − largest) · inverse.
template <Scalar T>
struct Softmax {
  Real<T>* largest;
  T* inverse;

  Softmax operator+(std::int64_t queries) const { return {largest + queries, inverse + queries}; }
};

// One head of one slice: its operands, and where it stands.
template <Scalar T>
struct Head {
  const AttentionPlan& plan;
  MaskSite site;
  std::int64_t key_head;
  MatrixView<const T> query, key, value;
  Softmax<T> softmax;
  ScoreShape<T> shape;

  Head(const AttentionPlan& p, const std::array<RowBlock<T>, 3>& inputs, const ScoreTerms<T>& terms, Softmax<T> kept,
       std::int64_t index)
      : plan(p),
        site(p.site(index % p.heads, index / p.heads)),
        key_head(site.head / p.group()),
        query(head_of(inputs[0], p.width, site.head, site.example, p.queries)),
        key(head_of(inputs[1], p.width, key_head, site.example, p.keys)),
        value(head_of(inputs[2], p.value_width, key_head, site.example, p.keys)),
        softmax(kept + index * p.queries),
        shape(p.cap, p.zero_sink, terms, site) {}
};

// A tile and how much of it may be attended. Its first key is a multiple of kKeys.
struct Tile : MaskTile {
  Cover cover;

  // Of these queries, from this key on, as far as any of them reaches.
  Tile(const AttentionPlan& plan, const MaskSite& at, KeyRange reach, std::int64_t from_query, std::int64_t count,
       std::int64_t from_key)
      : MaskTile{from_query, count, from_key, std::min(kKeys, reach.end - from_key)},
        cover(keys <= 0 || from_key + keys <= reach.begin ? Cover::none : plan.mask.cover(at, *this)) {}

  // f(scores, count) of those that query j may attend.
  template <class T, class F>
  void over_attended(const Head<T>& at, std::int64_t j, T* column, F f) const {
    const std::int64_t query = first_query + j;
    tapehead::over_attended(at.plan.mask, at.site, query, at.plan.rows_of(at.site)[query],
                            {first_key, first_key + keys}, cover == Cover::all, column, f);
  }
};

// scores (keys, queries) = scale · Kᵀ Q, capped and with the line added, with stride kKeys. slopes: of the cap, or
// nullptr.
template <Scalar T>
void score(const Head<T>& at, const Tile& tile, T* scores, T* slopes) {
  gemm(T(static_cast<Real<T>>(at.shape.before_cap(at.plan.scale))), columns_of(at.key, tile.first_key, tile.keys),
       Transpose::yes, columns_of(at.query, tile.first_query, tile.queries), Transpose::no, T(0),
       MatrixView(scores, tile.keys, tile.queries, kKeys));
  if (!at.shape.changes_scores()) return;
  for (std::int64_t j = 0; j < tile.queries; ++j) {
    at.shape.apply(tile.first_query + j, tile.first_key, tile.keys, scores + j * kKeys,
                   slopes == nullptr ? nullptr : slopes + j * kKeys);
  }
}

// to = from with elements dropped and the others scaled up; may be the same memory.
template <Scalar T>
void drop(const Head<T>& at, const Tile& tile, const T* from, T* to) {
  const auto factor = static_cast<Real<T>>(at.plan.keep.factor());
  const auto example = static_cast<std::uint32_t>(at.plan.first_example + at.site.example);
  for (std::int64_t j = 0; j < tile.queries; ++j) {
    at.plan.keep.for_each(
        example, static_cast<std::uint32_t>(tile.first_query + j), static_cast<std::uint32_t>(at.site.head),
        tile.first_key, tile.keys,
        [&](std::int64_t k, bool keep) { to[k + j * kKeys] = keep ? factor * from[k + j * kKeys] : T(0); });
  }
}

// Contexts of one tile of queries.
template <Scalar T>
void attend(const Head<T>& at, std::int64_t first_query, std::int64_t queries, MatrixView<T> context) {
  alignas(64) T weights[kKeys * kQueries];
  Real<T> largest[kQueries] = {};
  T total[kQueries] = {};
  bool begun[kQueries] = {};
  for (std::int64_t j = 0; j < queries; ++j) std::fill_n(context.data + j * context.stride, context.rows, T(0));
  const KeyRange reach = at.plan.reach(at.site, first_query, queries);
  for (std::int64_t first_key = reach.begin / kKeys * kKeys; first_key < reach.end; first_key += kKeys) {
    const Tile tile(at.plan, at.site, reach, first_query, queries, first_key);
    if (tile.cover == Cover::none) continue;
    score<T>(at, tile, weights, nullptr);
    for (std::int64_t j = 0; j < queries; ++j) {
      tile.over_attended(at, j, weights + j * kKeys, [&](T* scores, std::int64_t count) {
        const bool first = !begun[j];
        begun[j] = true;
        const Real<T> before = largest[j];
        largest[j] = first ? largest_of(scores, count) : std::max(before, largest_of(scores, count));
        const T sum = exponentiate(scores, largest[j], count, scores);
        const Real<T> shrink = first ? Real<T>(0) : std::exp(before - largest[j]);
        total[j] = first ? sum : total[j] * shrink + sum;
        if (first || shrink == Real<T>(1)) return;
        T* c = context.data + j * context.stride;
        for (std::int64_t i = 0; i < context.rows; ++i) c[i] *= shrink;
      });
    }
    if (at.plan.drops()) drop(at, tile, weights, weights);
    gemm(T(1), columns_of(at.value, first_key, tile.keys), Transpose::no,
         MatrixView<const T>(weights, tile.keys, queries, kKeys), Transpose::no, T(1), context);
  }
  for (std::int64_t j = 0; j < queries; ++j) {
    if (!begun[j]) {  // it attends nothing, and its context is zero
      at.softmax.largest[first_query + j] = 0;
      at.softmax.inverse[first_query + j] = T(0);
      continue;
    }
    const Real<T> shrink = at.shape.add_sink(largest[j], total[j]);
    const T inverse = T(1) / total[j];
    at.softmax.largest[first_query + j] = largest[j];
    at.softmax.inverse[first_query + j] = inverse;
    T* c = context.data + j * context.stride;
    for (std::int64_t i = 0; i < context.rows; ++i) c[i] *= shrink * inverse;
  }
}

// Scores become weights, by what was kept of each query.
template <Scalar T>
void weigh(const Head<T>& at, const Tile& tile, T* weights) {
  for (std::int64_t j = 0; j < tile.queries; ++j) {
    tile.over_attended(at, j, weights + j * kKeys, [&](T* scores, std::int64_t count) {
      exponentiate(scores, at.softmax.largest[tile.first_query + j], count, scores);
      const T inverse = at.softmax.inverse[tile.first_query + j];
      for (std::int64_t i = 0; i < count; ++i) scores[i] *= inverse;
    });
  }
}

// The weights (K, Q) of these queries, for who wants to see them.
template <Scalar T>
void show(const Head<T>& at, std::int64_t first_query, std::int64_t queries, T* shown) {
  alignas(64) T weights[kKeys * kQueries];
  const std::int64_t keys = at.plan.keys;
  std::fill_n(shown + first_query * keys, queries * keys, T(0));
  const KeyRange reach = at.plan.reach(at.site, first_query, queries);
  for (std::int64_t first_key = reach.begin / kKeys * kKeys; first_key < reach.end; first_key += kKeys) {
    const Tile tile(at.plan, at.site, reach, first_query, queries, first_key);
    if (tile.cover == Cover::none) continue;
    score<T>(at, tile, weights, nullptr);
    weigh(at, tile, weights);
    for (std::int64_t j = 0; j < queries; ++j) {
      std::copy_n(weights + j * kKeys, tile.keys, shown + (first_query + j) * keys + first_key);
    }
  }
}

// The gradients that one tile of one head adds to.
template <Scalar T>
struct HeadGradients {
  MatrixView<T> query, key, value;  // data is nullptr where none is wanted
  MatrixView<const T> d_context;
  const T* inner;  // Σ P ∘ d_P of each query, which is context · d_context
  T* line;         // of this head and slice alone; nullptr where none is wanted
  bool any_score() const { return query.data != nullptr || key.data != nullptr || line != nullptr; }
};

template <Scalar T>
void pull_tile(const Head<T>& at, const Tile& tile, const HeadGradients<T>& gradients) {
  alignas(64) T weights[kKeys * kQueries];
  alignas(64) T d_scores[kKeys * kQueries];
  alignas(64) T slopes[kKeys * kQueries];  // untouched where scores have no cap
  const MatrixView p(weights, tile.keys, tile.queries, kKeys);
  const MatrixView d_s(d_scores, tile.keys, tile.queries, kKeys);
  const auto d_c = columns_of(gradients.d_context, tile.first_query, tile.queries);
  score(at, tile, weights, slopes);
  weigh(at, tile, weights);
  if (gradients.value.data != nullptr) {  // context = V · dropped(P)
    if (at.plan.drops()) drop(at, tile, weights, d_scores);
    const MatrixView<const T> used = at.plan.drops() ? d_s : p;
    gemm(T(1), d_c, Transpose::no, used, Transpose::yes, T(1), columns_of(gradients.value, tile.first_key, tile.keys));
  }
  if (!gradients.any_score()) return;

  gemm(T(1), columns_of(at.value, tile.first_key, tile.keys), Transpose::yes, d_c, Transpose::no, T(0), d_s);
  if (at.plan.drops()) drop(at, tile, d_scores, d_scores);
  for (std::int64_t j = 0; j < tile.queries; ++j) {  // P = softmax(S): d_S = P ∘ (d_P − Σ P ∘ d_P)
    const T inner = gradients.inner[tile.first_query + j];
    const T* pj = weights + j * kKeys;
    T* dj = d_scores + j * kKeys;
    for (std::int64_t i = 0; i < tile.keys; ++i) dj[i] = pj[i] * (dj[i] - inner);
    at.shape.pull(tile.first_query + j, tile.first_key, tile.keys, slopes + j * kKeys, dj, gradients.line);
  }
  const T scale(static_cast<Real<T>>(at.plan.scale));  // S = scale · Kᵀ Q
  if (gradients.query.data != nullptr) {
    gemm(scale, columns_of(at.key, tile.first_key, tile.keys), Transpose::no, d_s, Transpose::no, T(1),
         columns_of(gradients.query, tile.first_query, tile.queries));
  }
  if (gradients.key.data != nullptr) {
    gemm(scale, columns_of(at.query, tile.first_query, tile.queries), Transpose::no, d_s, Transpose::yes, T(1),
         columns_of(gradients.key, tile.first_key, tile.keys));
  }
}

// All tiles of one head, keys outside, queries inside: the order in which every gradient is summed.
template <Scalar T>
void pull_head(const Head<T>& at, const HeadGradients<T>& gradients) {
  const KeyRange reach = at.plan.reach(at.site, 0, at.plan.queries);
  for (std::int64_t first_key = reach.begin / kKeys * kKeys; first_key < reach.end; first_key += kKeys) {
    for (std::int64_t first = 0; first < at.plan.queries; first += kQueries) {
      const std::int64_t queries = std::min(kQueries, at.plan.queries - first);
      const Tile tile(at.plan, at.site, at.plan.reach(at.site, first, queries), first, queries, first_key);
      if (tile.cover != Cover::none) pull_tile(at, tile, gradients);
    }
  }
}

// Where a head's part of a gradient is; what is fresh is zero afterwards.
template <Scalar T>
MatrixView<T> open_head(const BlockSink<T>& sink, const RowBlock<T>& input, std::int64_t width, std::int64_t head,
                        std::int64_t slice, std::int64_t columns) {
  if (sink.data == nullptr) return {nullptr, 0, 0, 0};
  const auto d = head_view(sink.data, input.x.shape(), input.first_row, width, head, slice, columns);
  for (std::int64_t j = 0; sink.beta == T(0) && j < columns; ++j) std::fill_n(d.data + j * d.stride, width, T(0));
  return d;
}

// Whether heads of different inputs share rows: then they cannot add to gradients at the same time.
template <Scalar T>
bool any_overlap(const std::array<RowBlock<T>, 3>& inputs) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& [a, b] = std::pair(inputs[i], inputs[j]);
      if (a.x.data() == b.x.data() && a.first_row < b.first_row + b.rows && b.first_row < a.first_row + a.rows)
        return true;
    }
  }
  return false;
}

// Adds to d (rows, heads) what each head of each slice has in parts (rows, heads, slices), slices in order.
template <Scalar T>
void add_slices(T* d, const T* parts, std::int64_t size, std::int64_t slices) {
  for (std::int64_t b = 0; b < slices; ++b, parts += size) {
    for (std::int64_t i = 0; i < size; ++i) d[i] += parts[i];
  }
}

}  // namespace

template <Scalar T>
Var<T> tiled_attention(const AttentionPlan& plan, const std::array<RowBlock<T>, 3>& inputs, const ScoreTerms<T>& terms,
                       T* weights) {
  const Shape shape = plan.context_shape();
  const std::int64_t heads = plan.heads * plan.slices;
  Tape<T>& tape = inputs[0].x.tape();
  T* context = tape.allocate(shape.size());
  const Softmax<T> softmax{tape.template allocate_as<Real<T>>(heads * plan.queries),
                           tape.allocate(heads * plan.queries)};
  const auto context_of = [=](auto* data, const Head<T>& at) {
    return head_view(data, shape, 0, plan.value_width, at.site.head, at.site.example, plan.queries);
  };

  const std::int64_t tiles = tiles_of(plan.queries, kQueries);
  for_each_task(tape.workers(), heads * tiles, [&](std::int64_t task) {
    const Head<T> at(plan, inputs, terms, softmax, task % heads);
    const std::int64_t first = (tiles - 1 - task / heads) * kQueries;  // late queries, which attend to most, first
    const std::int64_t queries = std::min(kQueries, plan.queries - first);
    attend(at, first, queries, columns_of(context_of(context, at), first, queries));
    if (weights != nullptr) show(at, first, queries, weights + task % heads * plan.queries * plan.keys);
  });

  const auto& [query, key, value] = inputs;
  return tape.record(
      "attention", shape, context, {query.x, key.x, value.x, terms.line, terms.sink}, [=](Pull<T>& pull) {
        const std::int64_t distances = terms.line ? terms.line.shape().rows : 0;
        Sink<T> d_line_sink = pull.into(terms.line);
        Sink<T> d_own_sink = pull.into(terms.sink);
        if (d_line_sink) d_line_sink.zero_if_fresh(plan.heads * distances);
        if (d_own_sink) d_own_sink.zero_if_fresh(plan.heads);
        const auto sinks = open_blocks(pull, inputs);
        T* inner = pull.scratch(heads * plan.queries);
        T* d_lines = d_line_sink ? pull.scratch(heads * distances) : nullptr;
        T* d_own = d_own_sink ? pull.scratch(heads) : nullptr;
        WorkerPool* workers = any_overlap(inputs) ? nullptr : inputs[0].x.tape().workers();
        // Heads that read the same keys are one task.
        for_each_task(workers, plan.key_heads * plan.slices, [&](std::int64_t task) {
          const std::int64_t slice = task / plan.key_heads;
          const std::int64_t key_head = task % plan.key_heads;
          const auto d_key = open_head(sinks[1], inputs[1], plan.width, key_head, slice, plan.keys);
          const auto d_value = open_head(sinks[2], inputs[2], plan.value_width, key_head, slice, plan.keys);
          for (std::int64_t member = 0; member < plan.group(); ++member) {
            const std::int64_t index = key_head * plan.group() + member + plan.heads * slice;
            const Head<T> at(plan, inputs, terms, softmax, index);
            const auto d_c = context_of(pull.d_output(), at);
            const auto c = context_of(static_cast<const T*>(context), at);
            T* products = inner + index * plan.queries;
            for (std::int64_t j = 0; j < plan.queries; ++j) {
              products[j] = dot(c.data + j * c.stride, d_c.data + j * d_c.stride, plan.value_width);
            }
            T* d_line = d_lines == nullptr ? nullptr : d_lines + index * distances;
            if (d_line != nullptr) std::fill_n(d_line, distances, T(0));
            if (d_own != nullptr) {
              d_own[index] = at.shape.pull_sink(plan.queries, at.softmax.largest, at.softmax.inverse, products);
            }
            pull_head<T>(at, {open_head(sinks[0], inputs[0], plan.width, at.site.head, slice, plan.queries), d_key,
                              d_value, d_c, products, d_line});
          }
        });
        if (d_line_sink) add_slices(d_line_sink.data, d_lines, plan.heads * distances, plan.slices);
        if (d_own_sink) add_slices(d_own_sink.data, d_own, plan.heads, plan.slices);
      });
}

template Var<float> tiled_attention(const AttentionPlan&, const std::array<RowBlock<float>, 3>&,
                                    const ScoreTerms<float>&, float*);
template Var<double> tiled_attention(const AttentionPlan&, const std::array<RowBlock<double>, 3>&,
                                     const ScoreTerms<double>&, double*);
template Var<std::complex<double>> tiled_attention(const AttentionPlan&,
                                                   const std::array<RowBlock<std::complex<double>>, 3>&,
                                                   const ScoreTerms<std::complex<double>>&, std::complex<double>*);

}  // namespace tapehead
