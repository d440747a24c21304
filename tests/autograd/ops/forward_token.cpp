// Ops that read token ids or coordinates.

#include <cmath>

#include "autograd/ops/cross_entropy.hpp"
#include "autograd/ops/dropout.hpp"
#include "autograd/ops/embedding.hpp"
#include "autograd/ops/linear_cross_entropy.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

// Three examples of up to four positions, five ids from one column to the next; 8 marks what no view shows.
constexpr std::int32_t kIds[] = {4, 2, 6, 1, 8, /**/ 3, 0, 0, 0, 8, /**/ 5, 5, 1, 0, 8};
constexpr std::int32_t kIgnored[] = {0, 0, 0, 0, 8, /**/ 0, 0, 0, 0, 8, /**/ 0, 0, 0, 0, 8};
constexpr std::int32_t kLengths[] = {4, 1, 3};

TokenView view_of(const std::int32_t* ids) { return {ids, kLengths, 5, 4, 3}; }

// Straight from the definition: − Σ q(v) · log p(v) with q = (1 − ε) at the target and ε / V everywhere besides.
Plain cross_entropy_by_loops(const Plain& logits, const std::int32_t* ids, long double smoothing,
                             long double denominator) {
  const std::int64_t words = logits.shape.rows;
  long double sum = 0;
  long double counted = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t t = 0; t < 4; ++t) {
      const std::int32_t target = ids[t + 5 * b];
      if (target == 0) continue;
      long double total = 0;
      for (std::int64_t v = 0; v < words; ++v) total += std::exp(logits(v, t, b));
      for (std::int64_t v = 0; v < words; ++v) {
        const long double share = (v == target ? 1 - smoothing : 0) + smoothing / static_cast<long double>(words);
        sum -= share * std::log(std::exp(logits(v, t, b)) / total);
      }
      counted += 1;
    }
  }
  const long double divisor = denominator > 0 ? denominator : counted;
  return Plain::of({}, [&](auto, auto, auto) { return sum == 0 ? 0 : sum / divisor; });
}

ForwardCase judged(const std::string& label, std::int64_t words, const std::int32_t* ids, CrossEntropyOptions options) {
  return {
      label,
      {{{words, 4, 3}, -6, 6}},
      [=](auto x) { return cross_entropy(x[0], view_of(ids), options); },
      [=](PlainInputs x) { return cross_entropy_by_loops(x[0], ids, options.label_smoothing, options.denominator); }};
}

ForwardCase judged_linear(const std::string& label, std::int64_t channels, std::int64_t words, const std::int32_t* ids,
                          CrossEntropyOptions options, bool has_bias = true) {
  std::vector<InputSpec> inputs{{{channels, 4, 3}}, {{channels, words}}};
  if (has_bias) inputs.push_back({{words}});
  return {
      label, inputs,
      [=](auto x) { return linear_cross_entropy(x[0], x[1], has_bias ? x[2] : Var<double>{}, view_of(ids), options); },
      [=](PlainInputs x) {
        const std::int64_t inner = x[0].shape.rows;
        const Plain logits = Plain::of({x[1].shape.columns, 4, 3}, [&](auto v, auto t, auto b) {
          long double sum = has_bias ? x[2](v) : 0;
          for (std::int64_t c = 0; c < inner; ++c) sum += x[1](c, v) * x[0](c, t, b);
          return sum;
        });
        return cross_entropy_by_loops(logits, ids, options.label_smoothing, options.denominator);
      }};
}

ForwardCase looked_up(const std::string& label, Shape table) {
  return {label,
          {{table}},
          [](auto x) { return embedding(x[0], view_of(kIds)); },
          [](PlainInputs x) {
            return Plain::of({x[0].shape.rows, 4, 3}, [&](auto r, auto t, auto b) { return x[0](r, kIds[t + 5 * b]); });
          }};
}

ForwardCase dropped(const std::string& label, Shape shape, double rate, std::int64_t first_example,
                    std::int64_t heads = 1) {
  const auto random = [] { return RandomStream(11, Purpose::dropout, 3, 2); };
  return {label,
          {{shape}},
          [=](auto x) { return dropout(x[0], rate, random(), first_example, heads); },
          [=](PlainInputs x) {
            return Plain::of(x[0].shape, [&](auto c, auto t, auto b) {
              const auto words =
                  random().bits(static_cast<std::uint32_t>(first_example + b / heads), static_cast<std::uint32_t>(t),
                                static_cast<std::uint32_t>(c / 4), static_cast<std::uint32_t>(b % heads));
              const bool stays = static_cast<double>(words[static_cast<std::size_t>(c % 4)]) >= rate * 0x1p32;
              return stays ? x[0](c, t, b) / (1 - static_cast<long double>(rate)) : 0;
            });
          }};
}

}  // namespace

std::vector<ForwardOracle> token_oracles() {
  return {
      {"cross_entropy",
       {judged("V7", 7, kIds, {}), judged("V33", 33, kIds, {}), judged("smoothed", 7, kIds, {.label_smoothing = 0.1}),
        judged("only_smoothing", 9, kIds, {.label_smoothing = 1}),
        judged("of_a_larger_batch", 7, kIds, {.label_smoothing = 0.3, .denominator = 29}),
        judged("all_ignored", 7, kIgnored, {}),
        judged("all_ignored_of_a_larger_batch", 7, kIgnored, {.denominator = 29})}},
      {"linear_cross_entropy",
       {judged_linear("C3_V7", 3, 7, kIds, {}), judged_linear("C17_V33", 17, 33, kIds, {.label_smoothing = 0.1}),
        judged_linear("all_ignored", 3, 7, kIgnored, {}), judged_linear("without_bias", 17, 33, kIds, {}, false),
        judged_linear("of_a_larger_batch", 5, 7, kIds, {.label_smoothing = 0.3, .denominator = 29})}},
      {"embedding", {looked_up("C3_V7", {3, 7}), looked_up("C1_V9", {1, 9}), looked_up("C16_V33", {16, 33})}},
      {"dropout",
       {dropped("C7_T3_B2", {7, 3, 2}, 0.3, 0), dropped("C64_half", {64, 5, 3}, 0.5, 4),
        dropped("nothing", {5, 3}, 0, 0), dropped("nearly_all", {33, 4, 2}, 0.9, 1),
        dropped("K9_Q3_H2_B3", {9, 3, 6}, 0.4, 2, 2)}},
  };
}

}  // namespace tapehead
