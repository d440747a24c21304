#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>

#include "autograd/base/tokens.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/detail/columns.hpp"

namespace tapehead {

/// Checks targets against logits of that shape and returns how many count. Throws what cross_entropy() throws, with
/// `op` in front.
std::int64_t count_targets(const char* op, const Shape& logits, const TokenView& expected,
                           const CrossEntropyOptions& options);

/// The loss of one column of logits and what its gradient is made of.
template <Scalar T>
class TargetLoss {
 public:
  /// Sums many small numbers: in double, or in complex double.
  using Wide = std::conditional_t<RealScalar<T>, double, std::complex<double>>;

  TargetLoss(const CrossEntropyOptions& options, std::int64_t vocabulary, std::int64_t counted)
      : vocabulary_(vocabulary),
        denominator_(options.denominator > 0 ? options.denominator
                                             : static_cast<double>(std::max<std::int64_t>(1, counted))),
        on_target_(static_cast<Real<T>>(1 - options.label_smoothing)),
        on_each_(static_cast<Real<T>>(options.label_smoothing / static_cast<double>(vocabulary))) {}

  /// logΣexp(z) − (1 − ε) z[target] − ε · mean(z); leaves e = exp(z − max z) and returns 1 / Σe in `inverse`. z and e
  /// may be the same memory.
  Wide operator()(const T* z, std::int32_t target, T* e, T& inverse) const {
    const Real<T> largest = largest_of(z, vocabulary_);
    T spread(0);
    if (on_each_ > 0) spread = sum_over<T>(vocabulary_, [=](std::int64_t v) { return z[v] - largest; });
    const T on_target = z[target] - largest;
    const T total = exponentiate(z, largest, vocabulary_, e);
    inverse = T(1) / total;
    return Wide(std::log(total) - on_target_ * on_target - on_each_ * spread);
  }

  /// d_z (+)= d_loss · (softmax(z) − (1 − ε) [target] − ε/V), with e and `inverse` as the call above left them.
  void pull(const T* e, T inverse, std::int32_t target, T d_loss, const Sink<T>& d_z) const {
    const T factor = d_loss * inverse;
    const T shift = d_loss * on_each_;
    d_z.accumulate(vocabulary_, [=](std::int64_t v) { return factor * e[v] - shift; });
    d_z.data[target] -= d_loss * on_target_;
  }

  double denominator() const { return denominator_; }

 private:
  std::int64_t vocabulary_;
  double denominator_;
  Real<T> on_target_, on_each_;
};

}  // namespace tapehead
