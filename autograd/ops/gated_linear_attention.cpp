#include "autograd/ops/gated_linear_attention.hpp"

#include "autograd/kernels/gemm.hpp"
#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/logistic.hpp"
#include "autograd/ops/detail/recurrence.hpp"
#include "autograd/ops/detail/recurrence_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// α = σ(gate), by channel. In a chunk with b_t = α_0 ∘ … ∘ α_t and e_s = α_{s+1} ∘ … ∘ α_{n−1}:
//
//     Q̂ = scale · Q ∘ b,   K̂ = K ∘ e,   P(s, t) = scale · Σ_i k_s q_t α_{s+1} … α_t   for s ≤ t
//     O = S Q̂ + V P,       S′ = S diag(b_{n−1}) + V K̂ᵀ
template <Scalar T>
struct GatedKernel {
  static constexpr std::int64_t kChunk = 16;
  double scale;

  static std::int64_t state_size(const RecurrencePlan& plan) { return plan.value_width * plan.width; }
  static std::int64_t work_size(const RecurrencePlan& plan) { return kChunk * (9 * plan.width + 2 * kChunk); }

  struct Parts {
    T *alpha, *before, *behind, *query, *key, *weights, *rest;  // α, b, e, Q̂, K̂, P
  };

  static void multiply(const T* a, const T* b, std::int64_t count, T* y) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
  }

  Parts parts(const RecurrenceChunk<T>& at, T* work) const {
    const std::int64_t d = at.plan.width;
    const std::int64_t n = at.count;
    Parts p{work,
            work + n * d,
            work + 2 * n * d,
            work + 3 * n * d,
            work + 4 * n * d,
            work + 5 * n * d,
            work + 5 * n * d + n * n};
    if constexpr (RealScalar<T>) {
      vectors::sigmoid(at.gate, n * d, p.alpha);
    } else {
      for (std::int64_t i = 0; i < n * d; ++i) p.alpha[i] = logistic(at.gate[i]);
    }
    std::copy_n(p.alpha, d, p.before);
    std::fill_n(p.behind + (n - 1) * d, d, T(1));
    for (std::int64_t t = 1; t < n; ++t) {
      multiply(p.before + (t - 1) * d, p.alpha + t * d, d, p.before + t * d);
      multiply(p.behind + (n - t) * d, p.alpha + (n - t) * d, d, p.behind + (n - 1 - t) * d);
    }
    multiply(at.query, p.before, n * d, p.query);
    for (std::int64_t i = 0; i < n * d; ++i) p.query[i] *= static_cast<Real<T>>(scale);
    multiply(at.key, p.behind, n * d, p.key);
    T* fading = p.rest;  // k_s ∘ α_{s+1} ∘ … ∘ α_t
    for (std::int64_t s = 0; s < n; ++s) {
      std::copy_n(at.key + s * d, d, fading);
      for (std::int64_t t = 0; t < n; ++t) {
        T& weight = p.weights[s + t * n] = T(0);
        if (t < s) continue;
        if (t > s) multiply(fading, p.alpha + t * d, d, fading);
        weight = static_cast<Real<T>>(scale) * dot(fading, at.query + t * d, d);
      }
    }
    return p;
  }

  void context(const RecurrenceChunk<T>& at, T* out, T* work) const {
    const auto [n, d, dv] = sizes(at);
    const Parts p = parts(at, work);
    const MatrixView<T> o{out, dv, n};
    gemm<T>(T(1), MatrixView<const T>{at.state, dv, d}, Transpose::no, MatrixView<const T>{p.query, d, n},
            Transpose::no, T(0), o);
    gemm<T>(T(1), MatrixView<const T>{at.value, dv, n}, Transpose::no, MatrixView<const T>{p.weights, n, n},
            Transpose::no, T(1), o);
  }

  // After context(), whose parts are still in `work`.
  void advance(const RecurrenceChunk<T>& at, T* state, T* work) const {
    const auto [n, d, dv] = sizes(at);
    const T* b = work + n * d + (n - 1) * d;
    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < dv; ++j) state[j + i * dv] *= b[i];
    }
    gemm<T>(T(1), MatrixView<const T>{at.value, dv, n}, Transpose::no, MatrixView<const T>{work + 4 * n * d, d, n},
            Transpose::yes, T(1), MatrixView<T>{state, dv, d});
  }

  void pull(const RecurrenceChunk<T>& at, const RecurrenceGradients<T>& g, T* work) const {
    const auto [n, d, dv] = sizes(at);
    const auto factor = static_cast<Real<T>>(scale);
    const Parts p = parts(at, work);
    const MatrixView<const T> s{at.state, dv, d}, v{at.value, dv, n}, d_o{g.context, dv, n};
    const MatrixView<T> d_s{g.state, dv, d};
    T* d_weights = p.rest;
    T* d_hat = d_weights + n * n;
    T* d_log = g.gate;  // of log α_j: every product that α_j is a factor of adds itself times its gradient

    // O = S Q̂ + V P,  S′ = S diag(b) + V K̂ᵀ
    gemm<T>(T(1), d_o, Transpose::no, MatrixView<const T>{p.weights, n, n}, Transpose::yes, T(0),
            MatrixView<T>{g.value, dv, n});
    gemm<T>(T(1), d_s, Transpose::no, MatrixView<const T>{p.key, d, n}, Transpose::no, T(1),
            MatrixView<T>{g.value, dv, n});
    gemm<T>(T(factor), v, Transpose::yes, d_o, Transpose::no, T(0), MatrixView<T>{d_weights, n, n});

    // Q̂_t has the factors α_0 … α_t, and so has S diag(b) all of them.
    gemm<T>(T(1), s, Transpose::yes, d_o, Transpose::no, T(0), MatrixView<T>{d_hat, d, n});
    for (std::int64_t i = 0; i < n * d; ++i) {
      g.query[i] = factor * d_hat[i] * p.before[i];
      d_log[i] = d_hat[i] * p.query[i];
    }
    const T* b = p.before + (n - 1) * d;
    for (std::int64_t i = 0; i < d; ++i) {
      d_log[i + (n - 1) * d] += b[i] * dot(g.state + i * dv, at.state + i * dv, dv);
    }
    for (std::int64_t i = (n - 1) * d; i-- > 0;) d_log[i] += d_log[i + d];

    // K̂_s has the factors α_{s+1} … α_{n−1}.
    gemm<T>(T(1), d_s, Transpose::yes, v, Transpose::no, T(0), MatrixView<T>{d_hat, d, n});
    multiply(d_hat, p.behind, n * d, g.key);
    T* behind_before = p.key;  // in the place of K̂: Σ_{s<t} K̂_s ∘ d_K̂_s
    multiply(p.key, d_hat, n * d, behind_before);
    for (std::int64_t i = d; i < n * d; ++i) {
      d_log[i] += behind_before[i - d];
      behind_before[i] += behind_before[i - d];
    }

    for (std::int64_t i = 0; i < d; ++i) {
      for (std::int64_t j = 0; j < dv; ++j) g.state[j + i * dv] *= b[i];
    }
    gemm<T>(T(1), d_o, Transpose::no, MatrixView<const T>{p.query, d, n}, Transpose::yes, T(1), d_s);

    pull_weights(at, p, d_weights, d_hat, g);
    for (std::int64_t i = 0; i < n * d; ++i) d_log[i] *= T(1) - p.alpha[i];
  }

 private:
  struct Sizes {
    std::int64_t n, d, dv;
  };
  static Sizes sizes(const RecurrenceChunk<T>& at) { return {at.count, at.plan.width, at.plan.value_width}; }

  // Adds what the weights give to the gradients of query, key and log α. `fading` (D, n) is memory to work in.
  static void pull_weights(const RecurrenceChunk<T>& at, const Parts& p, const T* d_weights, T* fading,
                           const RecurrenceGradients<T>& g) {
    const auto [n, d, dv] = sizes(at);
    T* reached = p.behind;  // Σ_{t′≥t} d_P(s, t′) q_t′ α_{t+1} … α_t′; α behind the chunk is no longer needed
    for (std::int64_t s = 0; s < n; ++s) {
      std::copy_n(at.key + s * d, d, fading + s * d);
      for (std::int64_t t = s + 1; t < n; ++t) multiply(fading + (t - 1) * d, p.alpha + t * d, d, fading + t * d);
      std::fill_n(reached, d, T(0));
      for (std::int64_t t = n; t-- > s;) {
        const T slope = d_weights[s + t * n];
        const T* query = at.query + t * d;
        const T* faded = fading + t * d;
        T* d_query = g.query + t * d;
        if (t + 1 < n) multiply(reached, p.alpha + (t + 1) * d, d, reached);
        for (std::int64_t i = 0; i < d; ++i) {
          reached[i] += slope * query[i];
          d_query[i] += slope * faded[i];
        }
        if (t == s) continue;
        T* d_log = g.gate + t * d;
        for (std::int64_t i = 0; i < d; ++i) d_log[i] += faded[i] * reached[i];
      }
      T* d_key = g.key + s * d;
      for (std::int64_t i = 0; i < d; ++i) d_key[i] += reached[i];
    }
  }
};

}  // namespace

template <Scalar T>
Var<T> gated_linear_attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, RowBlock<T> gate, double scale,
                              const RecurrenceOptions& options, T* state) {
  constexpr const char* kName = "gated_linear_attention";
  tape_of(kName, {query.x, key.x, value.x, gate.x});
  const RecurrenceInputs<T> in{query, key, value, gate};
  const std::int64_t width = options.heads > 0 ? query.rows / options.heads : 0;
  return recur(kName, GatedKernel<T>{scale}, in, plan_recurrence(kName, in, options, width), state);
}

template Var<float> gated_linear_attention(RowBlock<float>, RowBlock<float>, RowBlock<float>, RowBlock<float>, double,
                                           const RecurrenceOptions&, float*);
template Var<double> gated_linear_attention(RowBlock<double>, RowBlock<double>, RowBlock<double>, RowBlock<double>,
                                            double, const RecurrenceOptions&, double*);
template Var<std::complex<double>> gated_linear_attention(RowBlock<std::complex<double>>,
                                                          RowBlock<std::complex<double>>,
                                                          RowBlock<std::complex<double>>,
                                                          RowBlock<std::complex<double>>, double,
                                                          const RecurrenceOptions&, std::complex<double>*);

OpSpec spec_gated_linear_attention() {
  return recurrence_spec("gated_linear_attention", -1, [](const auto& in, const RecurrenceOptions& options) {
    return gated_linear_attention(in.query, in.key, in.value, in.gate, 0.6, options);
  });
}

}  // namespace tapehead
