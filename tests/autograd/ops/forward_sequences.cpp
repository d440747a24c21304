// Ops that read a sequence position by position, from their definitions: each context is a sum over the keys before it,
// or the state is written out.

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "autograd/ops/causal_linear_attention.hpp"
#include "autograd/ops/cumulative_mean.hpp"
#include "autograd/ops/delta_rule.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/ops/fourier_real.hpp"
#include "autograd/ops/gated_linear_attention.hpp"
#include "autograd/ops/linear_attention.hpp"
#include "autograd/ops/retention.hpp"
#include "tests/autograd/ops/forward_oracles.hpp"

namespace tapehead {
namespace {

using Number = long double;
using Block = RowBlock<double>;

constexpr Number kScale = 0.7L;

Number sigmoid(Number a) { return 1 / (1 + std::exp(-a)); }
Number feature(Number x) { return x > 0 ? x + 1 : std::exp(x); }

// How a case reads: heads, whether lengths are ragged, and from which end.
struct Reading {
  std::int64_t heads = 1;
  bool ragged = false;
  bool backwards = false;

  RecurrenceOptions options() const {
    return {.heads = heads, .lengths = ragged ? ragged_lengths() : nullptr, .backwards = backwards};
  }
  std::int64_t length(std::int64_t slice, std::int64_t positions) const {
    return ragged ? std::min<std::int64_t>(ragged_lengths()[slice], positions) : positions;
  }
};

// Query, key and value (D of each position in the order in which it is read) of one head of one slice, and the gates.
struct HeadInputs {
  std::vector<std::vector<Number>> query, key, value, gate;

  HeadInputs(PlainInputs x, const Reading& how, std::int64_t head, std::int64_t slice) {
    std::vector<std::vector<Number>>* const all[] = {&query, &key, &value, &gate};
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::int64_t width = x[i].shape.rows / how.heads;
      const std::int64_t length = how.length(slice, x[i].shape.columns);
      for (std::int64_t t = 0; t < length; ++t) {
        auto& column = all[i]->emplace_back();
        for (std::int64_t d = 0; d < width; ++d) {
          column.push_back(x[i](d + head * width, how.backwards ? length - 1 - t : t, slice));
        }
      }
    }
  }
};

Number product(const std::vector<Number>& a, const std::vector<Number>& b) {
  Number sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Σ_{s≤t} weight(s, t) · v_s of each position t.
template <class Weight>
std::vector<std::vector<Number>> weighted(const HeadInputs& in, bool divided, Weight weight) {
  std::vector<std::vector<Number>> contexts;
  for (std::size_t t = 0; t < in.query.size(); ++t) {
    std::vector<Number> context(in.value[t].size());
    Number total = 0;
    for (std::size_t s = 0; s <= t; ++s) {
      const Number w = weight(s, t);
      total += w;
      for (std::size_t i = 0; i < context.size(); ++i) context[i] += w * in.value[s][i];
    }
    for (Number& c : context) c /= divided ? total : 1;
    contexts.push_back(context);
  }
  return contexts;
}

// A case of an op: `plain(in, head)` gives the contexts of one head in the order of reading.
template <class Call, class PlainHead>
ForwardCase recurrence(const std::string& label, const std::vector<Shape>& shapes, const Reading& how, Call call,
                       PlainHead plain) {
  std::vector<InputSpec> inputs;
  for (const Shape& shape : shapes) inputs.push_back({shape});
  return {label, inputs, [=](Inputs<double> x) { return call(x, how.options()); },
          [=](PlainInputs x) {
            const Shape value = x[2].shape;
            const std::int64_t width = value.rows / how.heads;
            Plain y(value);
            for (std::int64_t slice = 0; slice < value.slices; ++slice) {
              const std::int64_t length = how.length(slice, value.columns);
              for (std::int64_t head = 0; head < how.heads; ++head) {
                const auto contexts = plain(HeadInputs(x, how, head, slice), head);
                for (std::int64_t t = 0; t < length; ++t) {
                  for (std::int64_t d = 0; d < width; ++d) {
                    y(d + head * width, how.backwards ? length - 1 - t : t, slice) =
                        contexts.at(static_cast<std::size_t>(t)).at(static_cast<std::size_t>(d));
                  }
                }
              }
            }
            return y;
          }};
}

// Sizes that all of them are tried at; `gates` of each head, −1: as many as its channels.
template <class Call, class PlainHead>
std::vector<ForwardCase> recurrences(std::int64_t gates, Call call, PlainHead plain) {
  std::vector<ForwardCase> cases;
  const auto add = [&](const char* label, std::int64_t width, std::int64_t value_width, std::int64_t positions,
                       std::int64_t slices, const Reading& how) {
    const auto shape = [&](std::int64_t each) { return Shape{how.heads * each, positions, slices}; };
    std::vector<Shape> shapes{shape(width), shape(width), shape(value_width)};
    if (gates != 0) shapes.push_back(shape(gates < 0 ? width : gates));
    cases.push_back(recurrence(label, shapes, how, call, plain));
  };
  add("D2_Dv3_H2_T5_B2", 2, 3, 5, 2, {.heads = 2});
  add("ragged", 3, 2, 6, 5, {.heads = 2, .ragged = true});
  add("backwards", 3, 2, 6, 5, {.ragged = true, .backwards = true});
  add("D1_T1", 1, 1, 1, 1, {});
  add("T100", 2, 2, 100, 1, {.heads = 3});
  add("D17", 17, 18, 37, 1, {});
  return cases;
}

ForwardCase to_all(const std::string& label, Shape query, std::int64_t keys, std::int64_t value_width, Reading how) {
  return {label,
          {{query}, {{query.rows, keys, query.slices}}, {{how.heads * value_width, keys, query.slices}}},
          [=](Inputs<double> x) {
            return linear_attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), how.heads,
                                    how.ragged ? ragged_lengths() : nullptr);
          },
          [=](PlainInputs x) {
            const std::int64_t width = x[0].shape.rows / how.heads;
            const std::int64_t dv = x[2].shape.rows / how.heads;
            return Plain::of({x[2].shape.rows, x[0].shape.columns, x[0].shape.slices}, [&](auto row, auto q, auto b) {
              Number sum = 0, total = 0;
              for (std::int64_t k = 0; k < how.length(b, x[1].shape.columns); ++k) {
                Number weight = 0;
                for (std::int64_t d = row / dv * width; d < (row / dv + 1) * width; ++d) {
                  weight += feature(x[0](d, q, b)) * feature(x[1](d, k, b));
                }
                sum += weight * x[2](row, k, b);
                total += weight;
              }
              return total > 0 ? sum / total : 0;
            });
          }};
}

std::vector<std::vector<Number>> corrected(const HeadInputs& in) {
  const std::size_t width = in.query.empty() ? 0 : in.query[0].size();
  const std::size_t value_width = in.query.empty() ? 0 : in.value[0].size();
  std::vector<std::vector<Number>> state(value_width, std::vector<Number>(width)), contexts;
  for (std::size_t t = 0; t < in.query.size(); ++t) {
    std::vector<Number> key = in.key[t];
    const Number length = std::sqrt(product(key, key) + 1e-12L);
    for (Number& k : key) k /= length;
    auto& context = contexts.emplace_back();
    for (std::size_t j = 0; j < value_width; ++j) {
      const Number error = in.value[t][j] - product(state[j], key);
      for (std::size_t i = 0; i < width; ++i) state[j][i] += sigmoid(in.gate[t][0]) * error * key[i];
      context.push_back(product(state[j], in.query[t]));
    }
  }
  return contexts;
}

}  // namespace

namespace {

std::int64_t length_of(bool ragged, const Shape& x, std::int64_t b) {
  return ragged ? std::min<std::int64_t>(ragged_lengths()[b], x.columns) : x.columns;
}

// The mean of columns up to each, from either end, or of all.
ForwardCase means(const char* label, Shape x, bool ragged, bool backwards, bool whole) {
  return {label,
          {{x}},
          [=](auto in) {
            return cumulative_mean(in[0], {.lengths = ragged ? ragged_lengths() : nullptr, .backwards = backwards},
                                   whole);
          },
          [=](PlainInputs in) {
            const Shape own = in[0].shape;
            return Plain::of(own, [&](auto r, auto t, auto b) {
              const std::int64_t n = length_of(ragged, own, b);
              if (n == 0 || (!whole && t >= n)) return Number(0);
              const std::int64_t first = whole || !backwards ? 0 : t;
              const std::int64_t last = whole || backwards ? n - 1 : t;
              Number sum = 0;
              for (std::int64_t k = first; k <= last; ++k) sum += in[0](r, k, b);
              return sum / static_cast<Number>(last - first + 1);
            });
          }};
}

ForwardCase fourier(const char* label, Shape x, bool ragged) {
  return {label,
          {{x}},
          [=](auto in) { return fourier_real(in[0], ragged ? ragged_lengths() : nullptr); },
          [=](PlainInputs in) {
            const Shape own = in[0].shape;
            const auto wave = [](std::int64_t k, std::int64_t n) {
              return std::polar<Number>(
                  1, -2 * std::numbers::pi_v<Number> * static_cast<Number>(k) / static_cast<Number>(n));
            };
            // Over the positions of a channel, then over the channels.
            std::vector<std::complex<Number>> along(static_cast<std::size_t>(own.size()));
            const auto at = [&](auto c, auto t, auto b) -> auto& {
              return along[static_cast<std::size_t>(own.offset({c, t, b}))];
            };
            for (std::int64_t b = 0; b < own.slices; ++b) {
              const std::int64_t n = length_of(ragged, own, b);
              for (std::int64_t t = 0; t < n; ++t) {
                for (std::int64_t c = 0; c < own.rows; ++c) {
                  for (std::int64_t k = 0; k < n; ++k) at(c, t, b) += in[0](c, k, b) * wave(t * k % n, n);
                }
              }
            }
            return Plain::of(own, [&](auto c, auto t, auto b) {
              std::complex<Number> sum = 0;
              for (std::int64_t i = 0; i < own.rows; ++i) sum += at(i, t, b) * wave(c * i % own.rows, own.rows);
              return sum.real();
            });
          },
          true};
}

}  // namespace

std::vector<ForwardOracle> sequence_oracles() {
  return {
      {"cumulative_mean",
       {means("R3_T4_B2", {3, 4, 2}, false, false, false), means("ragged_B9", {2, 5, 9}, true, false, false),
        means("backwards", {2, 5, 9}, true, true, false), means("whole", {2, 5, 9}, true, false, true),
        means("T300", {2, 300}, false, false, false)}},
      {"fourier_real",
       {fourier("C3_T4_B2", {3, 4, 2}, false), fourier("ragged_B9", {2, 5, 9}, true), fourier("C8_T9", {8, 9}, false),
        fourier("C1_T1", {1, 1}, false), fourier("C67_T70", {67, 70}, false)}},
      {"linear_attention",
       {to_all("D2_H2_Q4_K5_B2", {4, 4, 2}, 5, 3, {.heads = 2}), to_all("ragged", {3, 2, 5}, 6, 2, {.ragged = true}),
        to_all("K100_Q70", {2, 70, 1}, 100, 2, {})}},
      {"causal_linear_attention", recurrences(
                                      0,
                                      [](Inputs<double> x, const RecurrenceOptions& o) {
                                        return causal_linear_attention(Block::all(x[0]), Block::all(x[1]),
                                                                       Block::all(x[2]), o);
                                      },
                                      [](const HeadInputs& in, std::int64_t) {
                                        return weighted(in, true, [&](auto s, auto t) {
                                          Number sum = 0;
                                          for (std::size_t i = 0; i < in.key[s].size(); ++i)
                                            sum += feature(in.key[s][i]) * feature(in.query[t][i]);
                                          return sum;
                                        });
                                      })},
      {"retention", recurrences(
                        0,
                        [](Inputs<double> x, const RecurrenceOptions& o) {
                          return retention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]),
                                           static_cast<double>(kScale), o);
                        },
                        [](const HeadInputs& in, std::int64_t head) {
                          const Number decay = 1 - std::pow(2.0L, -5.0L - static_cast<Number>(head));
                          return weighted(in, false, [&](auto s, auto t) {
                            return static_cast<Number>(static_cast<double>(kScale)) *
                                   std::pow(decay, static_cast<Number>(t - s)) * product(in.key[s], in.query[t]);
                          });
                        })},
      {"gated_linear_attention", recurrences(
                                     -1,
                                     [](Inputs<double> x, const RecurrenceOptions& o) {
                                       return gated_linear_attention(Block::all(x[0]), Block::all(x[1]),
                                                                     Block::all(x[2]), Block::all(x[3]),
                                                                     static_cast<double>(kScale), o);
                                     },
                                     [](const HeadInputs& in, std::int64_t) {
                                       return weighted(in, false, [&](auto s, auto t) {
                                         Number sum = 0;
                                         for (std::size_t i = 0; i < in.key[s].size(); ++i) {
                                           Number kept = in.key[s][i] * in.query[t][i];
                                           for (std::size_t j = s + 1; j <= t; ++j) kept *= sigmoid(in.gate[j][i]);
                                           sum += kept;
                                         }
                                         return static_cast<Number>(static_cast<double>(kScale)) * sum;
                                       });
                                     })},
      {"delta_rule", recurrences(
                         1,
                         [](Inputs<double> x, const RecurrenceOptions& o) {
                           return delta_rule(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), Block::all(x[3]), o);
                         },
                         [](const HeadInputs& in, std::int64_t) { return corrected(in); })},
  };
}

}  // namespace tapehead
