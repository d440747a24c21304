#include "autograd/ops/linear_cross_entropy.hpp"

#include <fmt/format.h>

#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/point_sum.hpp"
#include "autograd/ops/detail/target_loss.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Columns that are multiplied at a time when nothing is kept.
constexpr std::int64_t kBlock = 64;

template <Scalar T>
void check_shapes(const Var<T>& x, const Var<T>& weight, const Var<T>& bias) {
  const Shape w = weight.shape();
  if (x.shape().rows != w.rows || w.slices != 1) {
    throw ShapeError(fmt::format("linear_cross_entropy: inner sizes differ: x is {}, weight is {} (in, vocabulary)",
                                 to_string(x.shape()), to_string(w)));
  }
  if (bias && bias.shape() != Shape{w.columns}) {
    throw ShapeError(fmt::format("linear_cross_entropy: bias is {}, weight {} needs {}", to_string(bias.shape()),
                                 to_string(w), to_string(Shape{w.columns})));
  }
}

// The columns of x whose targets count, side by side; x itself if all of them do.
template <Scalar T>
struct CountedColumns {
  const std::int64_t* places = nullptr;  // of each in x; nullptr: all of x
  const std::int32_t* targets = nullptr;
  const T* x = nullptr;
  std::int64_t count = 0;
};

template <Scalar T>
CountedColumns<T> gather(Var<T> x, const TokenView& expected, std::int64_t counted) {
  Tape<T>& tape = x.tape();
  const Shape shape = x.shape();
  const bool all = counted == shape.points();
  auto* targets = tape.template allocate_as<std::int32_t>(counted);
  auto* places = all ? nullptr : tape.template allocate_as<std::int64_t>(counted);
  T* columns = all ? nullptr : tape.allocate(counted * shape.rows);
  std::int64_t next = 0;
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const std::int32_t target = expected(n % shape.columns, n / shape.columns);
    if (target == kPadding) continue;
    targets[next] = target;
    if (!all) {
      places[next] = n;
      std::copy_n(x.data() + n * shape.rows, shape.rows, columns + next * shape.rows);
    }
    ++next;
  }
  return {places, targets, all ? x.data() : columns, counted};
}

// d_x (+)= W d_z, back to the places that the columns came from.
template <Scalar T>
void pull_x(Pull<T>& pull, Var<T> x, const CountedColumns<T>& columns, MatrixView<const T> weight,
            MatrixView<const T> d_z) {
  auto d_x = pull.into(x);
  if (!d_x) return;
  const std::int64_t channels = weight.rows;
  if (columns.places == nullptr) {
    gemm(T(1), weight, Transpose::no, d_z, Transpose::no, d_x.beta(), MatrixView(d_x.data, channels, columns.count));
    return;
  }
  d_x.zero_if_fresh(x.shape().size());
  T* packed = pull.scratch(channels * columns.count);
  gemm(T(1), weight, Transpose::no, d_z, Transpose::no, T(0), MatrixView(packed, channels, columns.count));
  for (std::int64_t n = 0; n < columns.count; ++n) {
    T* to = d_x.data + columns.places[n] * channels;
    for (std::int64_t c = 0; c < channels; ++c) to[c] += packed[c + n * channels];
  }
}

}  // namespace

template <Scalar T>
Var<T> linear_cross_entropy(Var<T> x, Var<T> weight, Var<T> bias, TokenView expected,
                            const CrossEntropyOptions& options) {
  Tape<T>& tape = tape_of("linear_cross_entropy", {x, weight}, {bias});
  check_shapes(x, weight, bias);
  const std::int64_t channels = weight.shape().rows;
  const std::int64_t vocabulary = weight.shape().columns;
  const Shape logits{vocabulary, x.shape().columns, x.shape().slices};
  const std::int64_t counted = count_targets("linear_cross_entropy", logits, expected, options);
  const TargetLoss<T> rule(options, vocabulary, counted);
  const CountedColumns<T> columns = gather(x, expected, counted);
  const MatrixView<const T> w(weight.data(), channels, vocabulary);

  const bool keeps = tape.will_differentiate({x, weight, bias});
  const std::int64_t block = keeps ? counted : std::min(counted, kBlock);
  T* z = tape.allocate(vocabulary * block);
  T* inverses = tape.allocate(counted);
  typename TargetLoss<T>::Wide sum(0);
  for (std::int64_t first = 0; first < counted; first += block) {
    const std::int64_t count = std::min(block, counted - first);
    gemm(T(1), w, Transpose::yes, MatrixView(columns.x + first * channels, channels, count), Transpose::no, T(0),
         MatrixView(z, vocabulary, count), bias ? bias.data() : nullptr);
    for (std::int64_t n = 0; n < count; ++n) {
      T* column = z + n * vocabulary;
      sum += rule(column, columns.targets[first + n], column, inverses[first + n]);
    }
  }
  T* loss = tape.allocate(1);
  *loss = static_cast<T>(sum / rule.denominator());

  return tape.record("linear_cross_entropy", {}, loss, {x, weight, bias}, [=](Pull<T>& pull) {
    const T d_loss = *pull.d_output() / static_cast<Real<T>>(rule.denominator());
    auto d_b = pull.into(bias);
    if (d_b) d_b.zero_if_fresh(vocabulary);
    PointSum<T> biases(pull, d_b.data, vocabulary, counted);
    for (std::int64_t n = 0; n < counted; ++n) {  // the exponentials give way to d_z
      T* column = z + n * vocabulary;
      rule.pull(column, inverses[n], columns.targets[n], d_loss, {column, true});
      if (!biases) continue;
      T* to = biases.at(n);
      for (std::int64_t v = 0; v < vocabulary; ++v) to[v] += column[v];
    }
    biases.finish();
    const MatrixView<const T> d_z(z, vocabulary, counted);
    pull_x(pull, x, columns, w, d_z);  // z = Wᵀ x + b
    if (auto d_w = pull.into(weight)) {
      gemm(T(1), MatrixView(columns.x, channels, counted), Transpose::no, d_z, Transpose::yes, d_w.beta(),
           MatrixView(d_w.data, channels, vocabulary));
    }
  });
}

template Var<float> linear_cross_entropy(Var<float>, Var<float>, Var<float>, TokenView, const CrossEntropyOptions&);
template Var<double> linear_cross_entropy(Var<double>, Var<double>, Var<double>, TokenView, const CrossEntropyOptions&);
template Var<std::complex<double>> linear_cross_entropy(Var<std::complex<double>>, Var<std::complex<double>>,
                                                        Var<std::complex<double>>, TokenView,
                                                        const CrossEntropyOptions&);

OpSpec spec_linear_cross_entropy() {
  // Two examples of three positions, stride four; kPadding is 0.
  static constexpr std::int32_t kAll[] = {4, 2, 3, 9, 1, 2, 3, 9};
  static constexpr std::int32_t kSome[] = {4, 0, 2, 9, 0, 1, 3, 9};
  static constexpr std::int32_t kNone[] = {0, 0, 0, 0, 0, 0, 0, 0};
  static constexpr std::int32_t kOutside[] = {4, 7, 0, 9, 1, 0, 3, 9};
  static constexpr std::int32_t kLengths[] = {3, 3};
  const auto with = [](const std::int32_t* ids, CrossEntropyOptions options) {
    return [ids, options](auto x) {
      return linear_cross_entropy(x[0], x[1], x[2], TokenView{ids, kLengths, 4, 3, 2}, options);
    };
  };
  // Six examples of 67 positions; every fifth is padding.
  static const std::vector<std::int32_t> kMany = [] {
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 67 * 6; ++i) ids.push_back(i * 7 % 5);
    return ids;
  }();
  static constexpr std::int32_t kManyLengths[] = {67, 67, 67, 67, 67, 67};
  const auto many = [](auto x) {
    return linear_cross_entropy(x[0], x[1], x[2], TokenView{kMany.data(), kManyLengths, 67, 67, 6}, {});
  };
  return {.name = "linear_cross_entropy",
          .cases =
              {
                  {"C4_V7_T3_B2", {{{4, 3, 2}}, {{4, 7}}, {{7}}}, with(kAll, {})},
                  {"some_ignored", {{{4, 3, 2}}, {{4, 7}}, {{7}}}, with(kSome, {})},
                  {"all_ignored", {{{4, 3, 2}}, {{4, 7}}, {{7}}}, with(kNone, {})},
                  {"smoothed", {{{4, 3, 2}}, {{4, 7}}, {{7}}}, with(kSome, {.label_smoothing = 0.1})},
                  {"smoothed_altogether", {{{4, 3, 2}}, {{4, 7}}, {{7}}}, with(kSome, {.label_smoothing = 1})},
                  {"without_bias",
                   {{{4, 3, 2}}, {{4, 7}}},
                   [](auto x) {
                     return linear_cross_entropy(x[0], x[1], {}, TokenView{kSome, kLengths, 4, 3, 2}, {});
                   }},
                  {"C67_V7_T3_B2", {{{67, 3, 2}}, {{67, 7}}, {{7}}}, with(kAll, {})},
                  {"C2_V131_T3_B2", {{{2, 3, 2}}, {{2, 131}}, {{131}}}, with(kAll, {.label_smoothing = 0.1})},
                  {"T67_B6", {{{3, 67, 6}}, {{3, 5}}, {{5}}}, many},
                  {"of_a_larger_batch",
                   {{{3, 3, 2}}, {{3, 33}}, {{33}}},
                   with(kAll, {.label_smoothing = 0.3, .denominator = 11})},
              },
          .refusals = {
              {"inner",
               {{4, 3, 2}, {5, 7}, {7}},
               with(kAll, {}),
               "linear_cross_entropy: inner sizes differ: x is (4, 3, 2), weight is (5, 7) (in, vocabulary)"},
              {"bias",
               {{4, 3, 2}, {4, 7}, {6}},
               with(kAll, {}),
               "linear_cross_entropy: bias is (6, 1), weight (4, 7) needs (7, 1)"},
              {"positions",
               {{4, 2, 2}, {4, 7}, {7}},
               with(kAll, {}),
               "linear_cross_entropy: logits are (7, 2, 2), expected has 3 positions and 2 examples"},
              {"outside",
               {{4, 3, 2}, {4, 7}, {7}},
               with(kOutside, {}),
               "linear_cross_entropy: target 7 at position 1 of example 0 is outside the vocabulary of 7"},
          }};
}

}  // namespace tapehead
