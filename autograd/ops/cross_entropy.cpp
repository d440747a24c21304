#include "autograd/ops/cross_entropy.hpp"

#include <cmath>
#include <vector>

#include "autograd/ops/detail/target_loss.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> cross_entropy(Var<T> logits, TokenView expected, const CrossEntropyOptions& options) {
  Tape<T>& tape = tape_of("cross_entropy", {logits});
  const Shape shape = logits.shape();
  const TargetLoss<T> rule(options, shape.rows, count_targets("cross_entropy", shape, expected, options));
  const bool keeps = tape.will_differentiate({logits});
  const std::int64_t stride = keeps ? shape.rows : 0;
  T* exponentials = tape.allocate(keeps ? shape.size() : shape.rows);
  T* inverses = tape.allocate(shape.points());

  typename TargetLoss<T>::Wide sum(0);
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int32_t target = expected(n % shape.columns, n / shape.columns);
    if (target == kPadding) continue;
    sum += rule(logits.data() + n * shape.rows, target, exponentials + n * stride, inverses[n]);
  }
  T* loss = tape.allocate(1);
  *loss = static_cast<T>(sum / rule.denominator());

  return tape.record("cross_entropy", {}, loss, {logits}, [=](Pull<T>& pull) {
    const auto d_z = pull.into(logits);
    const T d_loss = *pull.d_output() / static_cast<Real<T>>(rule.denominator());
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const std::int32_t target = expected(n % shape.columns, n / shape.columns);
      const Sink<T> column{d_z.data + n * shape.rows, d_z.fresh};
      if (target != kPadding) {
        rule.pull(exponentials + n * shape.rows, inverses[n], target, d_loss, column);
      } else if (column.fresh) {
        std::fill_n(column.data, shape.rows, T(0));
      }
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
  // Six examples of 67 positions; every fifth is padding.
  static const std::vector<std::int32_t> kMany = [] {
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 67 * 6; ++i) ids.push_back(i * 7 % 5);
    return ids;
  }();
  static constexpr std::int32_t kManyLengths[] = {67, 67, 67, 67, 67, 67};
  const auto many = [](auto x) { return cross_entropy(x[0], TokenView{kMany.data(), kManyLengths, 67, 67, 6}, {}); };
  return {.name = "cross_entropy",
          .cases =
              {
                  {"V5_T3_B2", {{{5, 3, 2}}}, with(kIds, {})},
                  {"V33_T3_B2", {{{33, 3, 2}, -6, 6}}, with(kIds, {})},
                  {"smoothed", {{{17, 3, 2}}}, with(kIds, {.label_smoothing = 0.1})},
                  {"of_a_larger_batch", {{{5, 3, 2}}}, with(kIds, {.label_smoothing = 0.3, .denominator = 11})},
                  {"all_ignored", {{{5, 3, 2}}}, with(kIgnored, {})},
                  {"V131_T3_B2", {{{131, 3, 2}}}, with(kIds, {})},
                  {"V131_smoothed", {{{131, 3, 2}}}, with(kIds, {.label_smoothing = 0.1})},
                  {"smoothed_altogether", {{{5, 3, 2}}}, with(kIds, {.label_smoothing = 1})},
                  {"saturated", {{{7, 3, 2}, -16, 16}}, with(kIds, {})},
                  {"T67_B6", {{{5, 67, 6}}}, many},
              },
          .refusals = {
              {"positions",
               {{5, 2, 2}},
               with(kIds, {}),
               "cross_entropy: logits are (5, 2, 2), expected has 3 positions and 2 examples"},
              {"examples",
               {{5, 3, 1}},
               with(kIds, {}),
               "cross_entropy: logits are (5, 3), expected has 3 positions and 2 examples"},
              {"no_vocabulary",
               {{0, 3, 2}},
               with(kIds, {}),
               "cross_entropy: a column needs at least one row, x is (0, 3, 2)"},
              {"outside",
               {{5, 3, 2}},
               with(kOutside, {}),
               "cross_entropy: target 5 at position 1 of example 0 is outside the vocabulary of 5"},
              {"negative",
               {{5, 3, 2}},
               with(kNegative, {}),
               "cross_entropy: target -1 at position 2 of example 1 is outside the vocabulary of 5"},
              {"smoothing",
               {{5, 3, 2}},
               with(kIds, {.label_smoothing = 1.5}),
               "cross_entropy: label_smoothing must be in [0, 1], not 1.5"},
              {"denominator",
               {{5, 3, 2}},
               with(kIds, {.denominator = -3}),
               "cross_entropy: denominator must be finite and not negative, not -3"},
              {"infinite_denominator",
               {{5, 3, 2}},
               with(kIds, {.denominator = HUGE_VAL}),
               "cross_entropy: denominator must be finite and not negative, not inf"},
          }};
}

}  // namespace tapehead
