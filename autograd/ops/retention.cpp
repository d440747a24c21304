#include "autograd/ops/retention.hpp"

#include <cmath>

#include "autograd/ops/detail/decayed.hpp"
#include "autograd/ops/detail/recurrence.hpp"
#include "autograd/ops/detail/recurrence_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

template <Scalar T>
struct RetentionKernel {
  static constexpr std::int64_t kChunk = 32;
  double scale;

  static std::int64_t state_size(const RecurrencePlan& plan) { return plan.value_width * plan.width; }
  static std::int64_t work_size(const RecurrencePlan& plan) {
    return DecayedChunk<T>::work_size(plan.width, plan.value_width, kChunk);
  }

  DecayedChunk<T> decayed(const RecurrenceChunk<T>& at) const {
    return {.width = at.plan.width,
            .value_width = at.plan.value_width,
            .count = at.count,
            .scale = static_cast<Real<T>>(scale),
            .decay = static_cast<Real<T>>(1 - std::exp2(-5.0 - static_cast<double>(at.head))),
            .query = at.query,
            .key = at.key,
            .value = at.value,
            .state = at.state};
  }
  void context(const RecurrenceChunk<T>& at, T* out, T* work) const { decayed(at).context(out, work); }
  void advance(const RecurrenceChunk<T>& at, T* state, T* work) const { decayed(at).advance(state, work); }
  void pull(const RecurrenceChunk<T>& at, const RecurrenceGradients<T>& d, T* work) const {
    decayed(at).pull(d.context, d.state, d.query, d.key, d.value, work);
  }
};

}  // namespace

template <Scalar T>
Var<T> retention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, double scale, const RecurrenceOptions& options,
                 T* state) {
  tape_of("retention", {query.x, key.x, value.x});
  const RecurrenceInputs<T> in{query, key, value};
  return recur("retention", RetentionKernel<T>{scale}, in, plan_recurrence("retention", in, options, 0), state);
}

template Var<float> retention(RowBlock<float>, RowBlock<float>, RowBlock<float>, double, const RecurrenceOptions&,
                              float*);
template Var<double> retention(RowBlock<double>, RowBlock<double>, RowBlock<double>, double, const RecurrenceOptions&,
                               double*);
template Var<std::complex<double>> retention(RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                             RowBlock<std::complex<double>>, double, const RecurrenceOptions&,
                                             std::complex<double>*);

OpSpec spec_retention() {
  return recurrence_spec("retention", 0, [](const auto& in, const RecurrenceOptions& options) {
    return retention(in.query, in.key, in.value, 0.6, options);
  });
}

}  // namespace tapehead
