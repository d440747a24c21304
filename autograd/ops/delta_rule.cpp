#include "autograd/ops/delta_rule.hpp"

#include <cmath>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/recurrence.hpp"
#include "autograd/ops/detail/recurrence_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

constexpr double kEpsilon = 1e-12;

// β = σ(gate), κ the keys of length 1. In a chunk, with A(s, t) = κ_sᵀκ_t for s < t and P(s, t) = κ_sᵀq_t for s ≤ t:
//
//     e_t = v_t − S κ_t − Σ_{s<t} A(s, t) u_s,   u_t = β_t e_t
//     O = S Q + U P,                             S′ = S + U κᵀ
template <Scalar T>
struct DeltaKernel {
  static constexpr std::int64_t kChunk = 32;

  static std::int64_t state_size(const RecurrencePlan& plan) { return plan.value_width * plan.width; }
  static std::int64_t work_size(const RecurrencePlan& plan) {
    return kChunk * (plan.width + 3 * plan.value_width + 3 * kChunk + 2);
  }

  struct Parts {
    T *beta, *inverse;       // (n): β and 1 / √(Σ k² + ε)
    MatrixView<T> keys;      // κ (D, n)
    MatrixView<T> errors;    // E (Dv, n)
    MatrixView<T> updates;   // U (Dv, n)
    MatrixView<T> likeness;  // A (n, n), whole: κᵀκ
    MatrixView<T> weights;   // P (n, n)
    T* rest;
  };

  // y += factor · x
  static void add(const T* x, T factor, std::int64_t count, T* y) {
    for (std::int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
  }

  // What stands below the diagonal becomes zero.
  static void keep_upper(const MatrixView<T>& p) {
    for (std::int64_t t = 0; t < p.columns; ++t)
      std::fill(p.data + t * p.stride + t + 1, p.data + (t + 1) * p.stride, T(0));
  }

  static Parts parts(const RecurrenceChunk<T>& at, T* work) {
    const std::int64_t d = at.plan.width;
    const std::int64_t dv = at.plan.value_width;
    const std::int64_t n = at.count;
    const auto take = [&](std::int64_t count) {
      T* taken = work;
      work += count;
      return taken;
    };
    Parts p{take(n),
            take(n),
            {take(d * n), d, n},
            {take(dv * n), dv, n},
            {take(dv * n), dv, n},
            {take(n * n), n, n},
            {take(n * n), n, n},
            nullptr};
    p.rest = work;
    for (std::int64_t t = 0; t < n; ++t) {
      const T* k = at.key + t * d;
      p.beta[t] = logistic(at.gate[t]);
      p.inverse[t] = T(1) / std::sqrt(dot(k, k, d) + static_cast<Real<T>>(kEpsilon));
      for (std::int64_t i = 0; i < d; ++i) p.keys.data[i + t * d] = p.inverse[t] * k[i];
    }
    gemm<T>(T(1), p.keys, Transpose::yes, p.keys, Transpose::no, T(0), p.likeness);
    gemm<T>(T(1), p.keys, Transpose::yes, MatrixView<const T>{at.query, d, n}, Transpose::no, T(0), p.weights);
    keep_upper(p.weights);
    std::copy_n(at.value, dv * n, p.errors.data);
    gemm<T>(T(-1), MatrixView<const T>{at.state, dv, d}, Transpose::no, p.keys, Transpose::no, T(1), p.errors);
    for (std::int64_t t = 0; t < n; ++t) {
      T* e = p.errors.data + t * dv;
      for (std::int64_t s = 0; s < t; ++s) add(p.updates.data + s * dv, -p.likeness.data[s + t * n], dv, e);
      T* u = p.updates.data + t * dv;
      for (std::int64_t i = 0; i < dv; ++i) u[i] = p.beta[t] * e[i];
    }
    return p;
  }

  static void context(const RecurrenceChunk<T>& at, T* out, T* work) {
    const Parts p = parts(at, work);
    const MatrixView<T> o{out, at.plan.value_width, at.count};
    gemm<T>(T(1), MatrixView<const T>{at.state, at.plan.value_width, at.plan.width}, Transpose::no,
            MatrixView<const T>{at.query, at.plan.width, at.count}, Transpose::no, T(0), o);
    gemm<T>(T(1), p.updates, Transpose::no, p.weights, Transpose::no, T(1), o);
  }

  // After context(), whose parts are still in `work`.
  static void advance(const RecurrenceChunk<T>& at, T* state, T* work) {
    const std::int64_t d = at.plan.width;
    const std::int64_t dv = at.plan.value_width;
    const std::int64_t n = at.count;
    const MatrixView<const T> keys{work + 2 * n, d, n};
    const MatrixView<const T> updates{work + n * (2 + d + dv), dv, n};
    gemm<T>(T(1), updates, Transpose::no, keys, Transpose::yes, T(1), MatrixView<T>{state, dv, d});
  }

  static void pull(const RecurrenceChunk<T>& at, const RecurrenceGradients<T>& g, T* work) {
    const std::int64_t d = at.plan.width;
    const std::int64_t dv = at.plan.value_width;
    const std::int64_t n = at.count;
    const Parts p = parts(at, work);
    const MatrixView<const T> s{at.state, dv, d}, q{at.query, d, n}, d_o{g.context, dv, n};
    const MatrixView<T> d_s{g.state, dv, d}, d_q{g.query, d, n}, d_k{g.key, d, n}, d_e{g.value, dv, n};
    const MatrixView<T> d_u{p.rest, dv, n}, d_p{p.rest + dv * n, n, n};

    // O = S Q + U P,  S′ = S + U κᵀ
    gemm<T>(T(1), d_o, Transpose::no, p.weights, Transpose::yes, T(0), d_u);
    gemm<T>(T(1), d_s, Transpose::no, p.keys, Transpose::no, T(1), d_u);
    gemm<T>(T(1), p.updates, Transpose::yes, d_o, Transpose::no, T(0), d_p);
    keep_upper(d_p);
    gemm<T>(T(1), s, Transpose::yes, d_o, Transpose::no, T(0), d_q);
    gemm<T>(T(1), p.keys, Transpose::no, d_p, Transpose::no, T(1), d_q);
    gemm<T>(T(1), d_s, Transpose::yes, p.updates, Transpose::no, T(0), d_k);
    gemm<T>(T(1), q, Transpose::no, d_p, Transpose::yes, T(1), d_k);
    gemm<T>(T(1), d_o, Transpose::no, q, Transpose::yes, T(1), d_s);

    // u_t = β_t e_t,  e_t = v_t − S κ_t − Σ_{s<t} A(s, t) u_s: from the last
    for (std::int64_t t = n; t-- > 0;) {
      const T* d_ut = d_u.data + t * dv;
      T* d_et = d_e.data + t * dv;
      const T beta = p.beta[t];
      g.gate[t] = dot(d_ut, p.errors.data + t * dv, dv) * beta * (T(1) - beta);
      for (std::int64_t i = 0; i < dv; ++i) d_et[i] = beta * d_ut[i];
      for (std::int64_t i = 0; i < t; ++i) add(d_et, -p.likeness.data[i + t * n], dv, d_u.data + i * dv);
    }
    gemm<T>(T(-1), s, Transpose::yes, d_e, Transpose::no, T(1), d_k);
    gemm<T>(T(-1), d_e, Transpose::no, p.keys, Transpose::yes, T(1), d_s);

    // A = κᵀκ above the diagonal
    const MatrixView<T>& d_a = d_p;
    gemm<T>(T(-1), p.updates, Transpose::yes, d_e, Transpose::no, T(0), d_a);
    keep_upper(d_a);
    for (std::int64_t t = 0; t < n; ++t) d_a.data[t + t * n] = T(0);
    gemm<T>(T(1), p.keys, Transpose::no, d_a, Transpose::no, T(1), d_k);
    gemm<T>(T(1), p.keys, Transpose::no, d_a, Transpose::yes, T(1), d_k);

    // κ = k / √(Σ k² + ε): d_k = (d_κ − κ · Σ κ ∘ d_κ) / √…
    for (std::int64_t t = 0; t < n; ++t) {
      const T* key = p.keys.data + t * d;
      T* d_key = d_k.data + t * d;
      const T along = dot(key, d_key, d);
      for (std::int64_t i = 0; i < d; ++i) d_key[i] = p.inverse[t] * (d_key[i] - along * key[i]);
    }
  }
};

}  // namespace

template <Scalar T>
Var<T> delta_rule(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, RowBlock<T> gate,
                  const RecurrenceOptions& options, T* state) {
  tape_of("delta_rule", {query.x, key.x, value.x, gate.x});
  const RecurrenceInputs<T> in{query, key, value, gate};
  return recur("delta_rule", DeltaKernel<T>{}, in, plan_recurrence("delta_rule", in, options, 1), state);
}

template Var<float> delta_rule(RowBlock<float>, RowBlock<float>, RowBlock<float>, RowBlock<float>,
                               const RecurrenceOptions&, float*);
template Var<double> delta_rule(RowBlock<double>, RowBlock<double>, RowBlock<double>, RowBlock<double>,
                                const RecurrenceOptions&, double*);
template Var<std::complex<double>> delta_rule(RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                              RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                              const RecurrenceOptions&, std::complex<double>*);

OpSpec spec_delta_rule() {
  return recurrence_spec("delta_rule", 1, [](const auto& in, const RecurrenceOptions& options) {
    return delta_rule(in.query, in.key, in.value, in.gate, options);
  });
}

}  // namespace tapehead
