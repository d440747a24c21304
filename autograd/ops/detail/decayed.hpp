#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/kernels/gemm.hpp"

namespace tapehead {

/// A chunk of a recurrence whose state fades by one number, as matrices: query and key (D, n), value (Dv, n), state
/// (Dv, D) before the first position.
///
///     S_t = γ S_{t−1} + v_t k_tᵀ,    o_t = scale · S_t q_t
///
/// In a chunk O = V P + scale · S Q Γ, where P = scale · (Kᵀ Q) with entry (s, t) times γ^(t−s) for s ≤ t and zero
/// else, and column t of Γ is γ^(t+1).
template <Scalar T>
struct DecayedChunk {
  std::int64_t width, value_width, count;
  Real<T> scale, decay;
  const T *query, *key, *value, *state;

  static std::int64_t work_size(std::int64_t width, std::int64_t value_width, std::int64_t chunk) {
    return 2 * chunk * chunk + chunk * (width + value_width);
  }

  MatrixView<const T> q() const { return {query, width, count}; }
  MatrixView<const T> k() const { return {key, width, count}; }
  MatrixView<const T> v() const { return {value, value_width, count}; }
  MatrixView<const T> s() const { return {state, value_width, width}; }

  void context(T* out, T* work) const {
    const MatrixView<T> o{out, value_width, count};
    gemm<T>(T(scale), s(), Transpose::no, q(), Transpose::no, T(0), o);
    fade(o, true);
    gemm<T>(T(1), v(), Transpose::no, weights(work), Transpose::no, T(1), o);
  }

  /// `now`: the state, which becomes that behind the chunk.
  void advance(T* now, T* work) const {
    gemm<T>(T(1), v(), Transpose::no, faded_keys(work), Transpose::yes, T(whole_decay()),
            MatrixView<T>{now, value_width, width});
  }

  /// Overwrites the gradients of query, key and value; `d_state` that of the state behind becomes that of the state
  /// before.
  void pull(const T* d_context, T* d_state, T* d_query, T* d_key, T* d_value, T* work) const {
    const MatrixView<const T> d_o{d_context, value_width, count};
    const MatrixView<T> d_s{d_state, value_width, width};
    const MatrixView<T> d_q{d_query, width, count}, d_k{d_key, width, count}, d_v{d_value, value_width, count};
    T* const free = work + count * count;
    const MatrixView<const T> p = weights(work);

    // O = V P + scale · S Q Γ,  S′ = γⁿ S + V K̂ᵀ
    gemm<T>(T(1), d_o, Transpose::no, p, Transpose::yes, T(0), d_v);
    gemm<T>(T(1), d_s, Transpose::no, faded_keys(free), Transpose::no, T(1), d_v);
    gemm<T>(T(1), d_s, Transpose::yes, v(), Transpose::no, T(0), d_k);
    fade(d_k, false);
    const MatrixView<T> d_p{work, count, count};  // in the place of P, which is no longer needed
    gemm<T>(T(scale), v(), Transpose::yes, d_o, Transpose::no, T(0), d_p);
    fade_pairs(d_p);
    gemm<T>(T(1), k(), Transpose::no, d_p, Transpose::no, T(0), d_q);
    gemm<T>(T(1), q(), Transpose::no, d_p, Transpose::yes, T(1), d_k);
    const MatrixView<T> d_so{free, value_width, count};  // of S Q
    for (std::int64_t i = 0; i < value_width * count; ++i) d_so.data[i] = scale * d_context[i];
    fade(d_so, true);
    gemm<T>(T(1), s(), Transpose::yes, d_so, Transpose::no, T(1), d_q);
    gemm<T>(T(1), d_so, Transpose::no, q(), Transpose::yes, T(whole_decay()), d_s);
  }

 private:
  Real<T> whole_decay() const {
    Real<T> power(1);
    for (std::int64_t t = 0; t < count; ++t) power *= decay;
    return power;
  }

  // Column t times γ^(t+1), or times γ^(n−1−t).
  void fade(const MatrixView<T>& x, bool from_before) const {
    if (decay == Real<T>(1)) return;
    Real<T> power = from_before ? decay : Real<T>(1);
    for (std::int64_t i = 0; i < count; ++i, power *= decay) {
      T* column = x.data + x.stride * (from_before ? i : count - 1 - i);
      for (std::int64_t r = 0; r < x.rows; ++r) column[r] *= power;
    }
  }

  // Entry (s, t) times γ^(t−s) where s ≤ t, and zero else.
  void fade_pairs(const MatrixView<T>& p) const {
    for (std::int64_t t = 0; t < count; ++t) {
      T* column = p.data + t * p.stride;
      std::fill(column + t + 1, column + count, T(0));
      if (decay == Real<T>(1)) continue;
      Real<T> power(1);
      for (std::int64_t s = t; s >= 0; --s, power *= decay) column[s] *= power;
    }
  }

  MatrixView<T> weights(T* work) const {
    const MatrixView<T> p{work, count, count};
    gemm<T>(T(scale), k(), Transpose::yes, q(), Transpose::no, T(0), p);
    fade_pairs(p);
    return p;
  }

  MatrixView<T> faded_keys(T* work) const {
    const MatrixView<T> faded{work, width, count};
    std::copy_n(key, width * count, work);
    fade(faded, false);
    return faded;
  }
};

}  // namespace tapehead
