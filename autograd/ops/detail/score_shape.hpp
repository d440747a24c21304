#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "autograd/kernels/vector_math.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/ops/detail/columns.hpp"

namespace tapehead {

/// What becomes of the scores of one head between the product and the softmax: the cap, the line, and the sink beside
/// them.
template <Scalar T>
class ScoreShape {
 public:
  ScoreShape(double cap, bool zero_sink, const ScoreTerms<T>& terms, const MaskSite& at)
      : cap_(static_cast<Real<T>>(cap)), has_sink_(zero_sink || terms.sink) {
    if (terms.line) {
      const std::int64_t before = terms.first != nullptr ? terms.first[at.example] : 0;
      line_ = terms.line.data() + terms.line.shape().rows * at.head;
      offset_ = -before - terms.least;
    }
    if (terms.sink) own_ = terms.sink.data()[at.head];
  }

  bool changes_scores() const { return cap_ > 0 || line_ != nullptr; }
  /// What the product is multiplied by, where scores are multiplied by `scale`: tanh is taken of score / cap.
  double before_cap(double scale) const { return cap_ > 0 ? scale / static_cast<double>(cap_) : scale; }

  /// column: the products of query `query` and keys `first_key` … become scores; slopes: those of the cap, if wanted.
  void apply(std::int64_t query, std::int64_t first_key, std::int64_t count, T* column, T* slopes) const {
    if (cap_ > 0) {
      if constexpr (RealScalar<T>) {
        vectors::tanh(column, count, column);
      } else {
        for (std::int64_t i = 0; i < count; ++i) column[i] = std::tanh(column[i]);
      }
      for (std::int64_t i = 0; slopes != nullptr && i < count; ++i) slopes[i] = T(1) - column[i] * column[i];
      for (std::int64_t i = 0; i < count; ++i) column[i] *= cap_;
    }
    if (line_ == nullptr) return;
    const T* bias = line_ + row_of(query, first_key);
    for (std::int64_t i = 0; i < count; ++i) column[i] += bias[i];
  }

  /// d: the gradient by scores becomes the one by products times their scale; d_line: what it adds to the line, or
  /// nullptr.
  void pull(std::int64_t query, std::int64_t first_key, std::int64_t count, const T* slopes, T* d, T* d_line) const {
    if (d_line != nullptr) {
      T* to = d_line + row_of(query, first_key);
      for (std::int64_t i = 0; i < count; ++i) to[i] += d[i];
    }
    for (std::int64_t i = 0; cap_ > 0 && i < count; ++i) d[i] = d[i] == T(0) ? T(0) : d[i] * slopes[i];
  }

  /// Takes the sink into the largest score and the sum of exponentials; what was made with the former `largest` is to
  /// be multiplied by the result.
  Real<T> add_sink(Real<T>& largest, T& total) const {
    if (!has_sink_) return 1;
    const Real<T> before = largest;
    largest = std::max(largest, real_part(own_));
    const Real<T> shrink = std::exp(before - largest);
    total = total * shrink + std::exp(own_ - largest);
    return shrink;
  }

  /// The gradient by the sink's score: −Σ (its weight) · Σ P ∘ d_P over the queries; `inverse` is zero of those that
  /// attend nothing.
  T pull_sink(std::int64_t queries, const Real<T>* largest, const T* inverse, const T* inner) const {
    return sum_over<T>(queries, [&](std::int64_t q) {
      return inverse[q] == T(0) ? T(0) : -std::exp(own_ - largest[q]) * inverse[q] * inner[q];
    });
  }

 private:
  std::int64_t row_of(std::int64_t query, std::int64_t key) const { return key - query + offset_; }

  Real<T> cap_;
  bool has_sink_;
  T own_ = T(0);
  const T* line_ = nullptr;
  std::int64_t offset_ = 0;  // row of distance 0
};

}  // namespace tapehead
