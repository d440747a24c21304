#include "autograd/ops/causal_linear_attention.hpp"

#include "autograd/ops/detail/decayed.hpp"
#include "autograd/ops/detail/kernel_features.hpp"
#include "autograd/ops/detail/recurrence.hpp"
#include "autograd/ops/detail/recurrence_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// A recurrence that fades not at all, of φ(q), φ(k) and (v, 1): Õ (Dv + 1, n), whose last row divides the others.
template <Scalar T>
struct LinearKernel {
  static constexpr std::int64_t kChunk = 32;

  static std::int64_t state_size(const RecurrencePlan& plan) { return (plan.value_width + 1) * plan.width; }
  static std::int64_t work_size(const RecurrencePlan& plan) {
    return kChunk * (2 * plan.width + 4 * (plan.value_width + 1)) +
           DecayedChunk<T>::work_size(plan.width, plan.value_width + 1, kChunk);
  }

  struct Parts {
    DecayedChunk<T> chunk;
    T *query, *key, *value, *sums, *rest;
  };
  static Parts layout(const RecurrenceChunk<T>& at, T* work) {
    const std::int64_t d = at.plan.width;
    const std::int64_t rows = at.plan.value_width + 1;
    T* query = work;
    T* key = query + at.count * d;
    T* value = key + at.count * d;
    T* sums = value + at.count * rows;
    return {{d, rows, at.count, 1, 1, query, key, value, at.state}, query, key, value, sums, sums + at.count * rows};
  }
  static Parts parts(const RecurrenceChunk<T>& at, T* work) {
    const Parts p = layout(at, work);
    const std::int64_t dv = at.plan.value_width;
    positive_features(at.query, at.count * at.plan.width, p.query);
    positive_features(at.key, at.count * at.plan.width, p.key);
    with_ones(at.value, dv, dv, at.count, p.value);
    return p;
  }

  static void context(const RecurrenceChunk<T>& at, T* out, T* work) {
    const std::int64_t dv = at.plan.value_width;
    const Parts p = parts(at, work);
    p.chunk.context(p.sums, p.rest);
    for (std::int64_t t = 0; t < at.count; ++t) divide_by_last(p.sums + t * (dv + 1), dv, out + t * dv);
  }

  // After context(), whose parts are still in `work`.
  static void advance(const RecurrenceChunk<T>& at, T* state, T* work) {
    const Parts p = layout(at, work);
    p.chunk.advance(state, p.rest);
  }

  static void pull(const RecurrenceChunk<T>& at, const RecurrenceGradients<T>& g, T* work) {
    const std::int64_t d = at.plan.width;
    const std::int64_t dv = at.plan.value_width;
    const Parts p = parts(at, work);
    T* d_sums = p.rest;
    T* d_value = d_sums + at.count * (dv + 1);
    T* rest = d_value + at.count * (dv + 1);
    p.chunk.context(p.sums, rest);
    for (std::int64_t t = 0; t < at.count; ++t) {
      pull_divide_by_last(p.sums + t * (dv + 1), g.context + t * dv, dv, d_sums + t * (dv + 1));
    }
    p.chunk.pull(d_sums, g.state, g.query, g.key, d_value, rest);
    for (std::int64_t t = 0; t < at.count; ++t) std::copy_n(d_value + t * (dv + 1), dv, g.value + t * dv);
    pull_positive_features(at.query, p.query, at.count * d, g.query);
    pull_positive_features(at.key, p.key, at.count * d, g.key);
  }
};

}  // namespace

template <Scalar T>
Var<T> causal_linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const RecurrenceOptions& options,
                               T* state) {
  constexpr const char* kName = "causal_linear_attention";
  tape_of(kName, {query.x, key.x, value.x});
  const RecurrenceInputs<T> in{query, key, value};
  return recur(kName, LinearKernel<T>{}, in, plan_recurrence(kName, in, options, 0), state);
}

template Var<float> causal_linear_attention(RowBlock<float>, RowBlock<float>, RowBlock<float>, const RecurrenceOptions&,
                                            float*);
template Var<double> causal_linear_attention(RowBlock<double>, RowBlock<double>, RowBlock<double>,
                                             const RecurrenceOptions&, double*);
template Var<std::complex<double>> causal_linear_attention(RowBlock<std::complex<double>>,
                                                           RowBlock<std::complex<double>>,
                                                           RowBlock<std::complex<double>>, const RecurrenceOptions&,
                                                           std::complex<double>*);

OpSpec spec_causal_linear_attention() {
  return recurrence_spec("causal_linear_attention", 0, [](const auto& in, const RecurrenceOptions& options) {
    return causal_linear_attention(in.query, in.key, in.value, options);
  });
}

}  // namespace tapehead
