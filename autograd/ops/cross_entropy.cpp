#include "autograd/ops/cross_entropy.hpp"

#include <fmt/format.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/columns.hpp"
#include "autograd/ops/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Sums many small numbers: in double, or in complex double.
template <Scalar T>
using Wide = std::conditional_t<RealScalar<T>, double, std::complex<double>>;

// Counted targets, each checked.
std::int64_t count_targets(const Shape& logits, const TokenView& expected, const CrossEntropyOptions& options) {
  require_rows("cross_entropy", logits);
  if (logits.columns != expected.positions || logits.slices != expected.examples) {
    throw ShapeError(fmt::format("cross_entropy: logits are {}, expected has {} positions and {} examples",
                                 to_string(logits), expected.positions, expected.examples));
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    throw ConfigError(fmt::format("cross_entropy: label_smoothing must be in [0, 1], not {}", options.label_smoothing));
  }
  if (!(options.denominator >= 0 && std::isfinite(options.denominator))) {
    throw ConfigError(
        fmt::format("cross_entropy: denominator must be finite and not negative, not {}", options.denominator));
  }
  std::int64_t counted = 0;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      const std::int32_t target = expected(t, b);
      if (target < 0 || target >= logits.rows) {
        throw DataError(
            fmt::format("cross_entropy: target {} at position {} of example {} is outside the vocabulary of {}", target,
                        t, b, logits.rows));
      }
      counted += target != kPadding;
    }
  }
  return counted;
}

}  // namespace

template <Scalar T>
Var<T> cross_entropy(Var<T> logits, TokenView expected, const CrossEntropyOptions& options) {
  const Shape shape = logits.shape();
  const std::int64_t counted = count_targets(shape, expected, options);
  const std::int64_t vocabulary = shape.rows;
  const double denominator =
      options.denominator > 0 ? options.denominator : static_cast<double>(std::max<std::int64_t>(1, counted));
  const auto on_target = static_cast<Real<T>>(1 - options.label_smoothing);
  const auto on_each = static_cast<Real<T>>(options.label_smoothing / static_cast<double>(vocabulary));
  Tape<T>& tape = logits.tape();
  T* probabilities = tape.allocate(tape.will_differentiate({logits}) ? shape.size() : vocabulary);
  const std::int64_t stride = tape.will_differentiate({logits}) ? vocabulary : 0;

  Wide<T> sum(0);
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int32_t target = expected(n % shape.columns, n / shape.columns);
    if (target == kPadding) continue;
    const T* z = logits.data() + n * vocabulary;
    T* p = probabilities + n * stride;
    const Real<T> largest = largest_of(z, vocabulary);
    const T total = exponentiate(z, largest, vocabulary, p);
    T mean(0);
    if (on_each > 0) {
      for (std::int64_t v = 0; v < vocabulary; ++v) mean += z[v] - largest;
    }
    sum += Wide<T>(std::log(total) - on_target * (z[target] - largest) - on_each * mean);
    const T inverse = T(1) / total;
    for (std::int64_t v = 0; v < vocabulary; ++v) p[v] *= inverse;
  }
  T* loss = tape.allocate(1);
  *loss = static_cast<T>(sum / denominator);

  return tape.record("cross_entropy", {}, loss, {logits}, [=](Pull<T>& pull) {
    const auto d_z = pull.into(logits);
    const T d_loss = *pull.d_output() / static_cast<Real<T>>(denominator);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const std::int32_t target = expected(n % shape.columns, n / shape.columns);
      const Sink<T> column{d_z.data + n * vocabulary, d_z.fresh};
      if (target == kPadding) {
        if (column.fresh) std::fill_n(column.data, vocabulary, T(0));
        continue;
      }
      const T* p = probabilities + n * vocabulary;  // loss = logΣexp(z) − (1 − ε) z[target] − ε/V Σ z
      column.accumulate(vocabulary, [=](std::int64_t v) { return d_loss * (p[v] - on_each); });
      column.data[target] -= d_loss * on_target;
    }
  });
}

template Var<float> cross_entropy(Var<float>, TokenView, const CrossEntropyOptions&);
template Var<double> cross_entropy(Var<double>, TokenView, const CrossEntropyOptions&);
template Var<std::complex<double>> cross_entropy(Var<std::complex<double>>, TokenView, const CrossEntropyOptions&);

OpSpec spec_cross_entropy() {
  // Two examples of three positions, stride four; kPadding is 0.
  static constexpr std::int32_t kIds[] = {4, 2, 0, 9, 1, 0, 3, 9};
  static constexpr std::int32_t kIgnored[] = {0, 0, 0, 0, 0, 0, 0, 0};
  static constexpr std::int32_t kOutside[] = {4, 5, 0, 9, 1, 0, 3, 9};
  static constexpr std::int32_t kNegative[] = {4, 2, 0, 9, 1, 0, -1, 9};
  static constexpr std::int32_t kLengths[] = {3, 3};
  const auto with = [](const std::int32_t* ids, CrossEntropyOptions options) {
    return [ids, options](auto x) { return cross_entropy(x[0], TokenView{ids, kLengths, 4, 3, 2}, options); };
  };
  return {.name = "cross_entropy",
          .cases =
              {
                  {"V5_T3_B2", {{{5, 3, 2}}}, with(kIds, {})},
                  {"V33_T3_B2", {{{33, 3, 2}, -6, 6}}, with(kIds, {})},
                  {"smoothed", {{{17, 3, 2}}}, with(kIds, {.label_smoothing = 0.1})},
                  {"of_a_larger_batch", {{{5, 3, 2}}}, with(kIds, {.label_smoothing = 0.3, .denominator = 11})},
                  {"all_ignored", {{{5, 3, 2}}}, with(kIgnored, {})},
              },
          .refusals = {
              {"positions", {{5, 2, 2}}, with(kIds, {}),
               "cross_entropy: logits are (5, 2, 2), expected has 3 positions and 2 examples"},
              {"examples", {{5, 3, 1}}, with(kIds, {}),
               "cross_entropy: logits are (5, 3), expected has 3 positions and 2 examples"},
              {"no_vocabulary", {{0, 3, 2}}, with(kIds, {}),
               "cross_entropy: a column needs at least one row, x is (0, 3, 2)"},
              {"outside", {{5, 3, 2}}, with(kOutside, {}),
               "cross_entropy: target 5 at position 1 of example 0 is outside the vocabulary of 5"},
              {"negative", {{5, 3, 2}}, with(kNegative, {}),
               "cross_entropy: target -1 at position 2 of example 1 is outside the vocabulary of 5"},
              {"smoothing", {{5, 3, 2}}, with(kIds, {.label_smoothing = 1.5}),
               "cross_entropy: label_smoothing must be in [0, 1], not 1.5"},
              {"denominator", {{5, 3, 2}}, with(kIds, {.denominator = -3}),
               "cross_entropy: denominator must be finite and not negative, not -3"},
              {"infinite_denominator", {{5, 3, 2}}, with(kIds, {.denominator = HUGE_VAL}),
               "cross_entropy: denominator must be finite and not negative, not inf"},
          }};
}

}  // namespace tapehead
