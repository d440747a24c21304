#include "autograd/ops/attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "autograd/base/errors.hpp"
#include "autograd/masks/causal.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/masks/window.hpp"
#include "autograd/ops/detail/attention_plan.hpp"
#include "autograd/ops/detail/attention_tiled.hpp"
#include "autograd/ops/detail/attention_whole.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Throws what attention() throws of them; whether there are any.
template <Scalar T>
bool check_terms(const AttentionPlan& plan, const AttentionOptions& options, const ScoreTerms<T>& terms) {
  if (!(options.cap >= 0)) throw ConfigError(fmt::format("attention: cap must be 0 or more, not {}", options.cap));
  if (terms.sink && options.zero_sink) throw ConfigError("attention: a sink is zero or given, not both");
  if (terms.sink && terms.sink.shape() != Shape{plan.heads}) {
    throw ShapeError(fmt::format("attention: sink is {}, {} heads need {}", to_string(terms.sink.shape()), plan.heads,
                                 to_string(Shape{plan.heads})));
  }
  if (terms.line) {
    const Shape shape = terms.line.shape();
    std::int64_t last = std::max<std::int64_t>(plan.queries - 1, 0);
    for (std::int64_t b = 0; terms.first != nullptr && b < plan.slices; ++b) {
      last = std::max(last, std::max<std::int64_t>(plan.queries - 1, 0) + terms.first[b]);
    }
    if (shape != Shape{shape.rows, plan.heads} || terms.least > -last || terms.least + shape.rows < plan.keys) {
      throw ShapeError(fmt::format("attention: line is {} from distance {} on, {} heads need distances {} to {}",
                                   to_string(shape), terms.least, plan.heads, -last, plan.keys - 1));
    }
  }
  const bool any = options.cap > 0 || options.zero_sink || terms.line || terms.sink;
  if (any && options.kernel == AttentionKernel::whole) {
    throw ConfigError("attention: whole takes no cap, line or sink; choose automatic or tiled");
  }
  return any;
}

bool takes_tiles(AttentionKernel kernel, std::int64_t map) {
  return kernel == AttentionKernel::tiled ||
         (kernel == AttentionKernel::automatic && map >= AttentionOptions::kTiledFrom);
}

}  // namespace

template <Scalar T>
Attended<T> attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const AttentionOptions& options,
                      const ScoreTerms<T>& terms) {
  Tape<T>& tape = tape_of("attention", {query.x, key.x, value.x}, {terms.line, terms.sink});
  const AttentionPlan plan = plan_attention(tape, query, key, value, options);
  const bool shaped = check_terms(plan, options, terms);
  const std::array<RowBlock<T>, 3> inputs{query, key, value};
  if (shaped || takes_tiles(options.kernel, plan.keys * plan.queries)) {
    T* weights = options.weights ? tape.allocate(plan.keys * plan.queries * plan.heads * plan.slices) : nullptr;
    return {tiled_attention(plan, inputs, terms, weights), weights};
  }
  return whole_attention(plan, inputs);
}

template Attended<float> attention(RowBlock<float>, RowBlock<float>, RowBlock<float>, const AttentionOptions&,
                                   const ScoreTerms<float>&);
template Attended<double> attention(RowBlock<double>, RowBlock<double>, RowBlock<double>, const AttentionOptions&,
                                    const ScoreTerms<double>&);
template Attended<std::complex<double>> attention(RowBlock<std::complex<double>>, RowBlock<std::complex<double>>,
                                                  RowBlock<std::complex<double>>, const AttentionOptions&,
                                                  const ScoreTerms<std::complex<double>>&);

namespace {

// Queries, keys and values as three inputs, or as row blocks of one.
auto attend_apart(AttentionOptions options) {
  return [options](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]), options).context;
  };
}

// The fourth input is a line from `least` on, or a sink.
auto attend_with(AttentionOptions options, std::int64_t least, bool line) {
  return [options, least, line](auto x) {
    using T = std::remove_cvref_t<decltype(*x[0].data())>;
    ScoreTerms<T> terms{.least = least};
    (line ? terms.line : terms.sink) = x[3];
    return attention(RowBlock<T>::all(x[0]), RowBlock<T>::all(x[1]), RowBlock<T>::all(x[2]), options, terms).context;
  };
}

auto attend_joined(AttentionOptions options, std::int64_t rows, std::int64_t gap = 0) {
  return [options, rows, gap](auto x) {
    using Block = RowBlock<std::remove_cvref_t<decltype(*x[0].data())>>;
    return attention(Block{x[0], gap, rows}, Block{x[0], gap + rows, rows}, Block{x[0], gap + 2 * rows, rows}, options)
        .context;
  };
}

constexpr std::int32_t kRagged[] = {5, 0, 2};
constexpr std::int32_t kLong[] = {140, 37};
constexpr std::int32_t kFirst[] = {1, 2, 0};

// The sizes of one call of attention.
struct CallSizes {
  std::int64_t width, value_width, queries, keys, slices = 1;
};

AttentionRule rule_of(const AttentionOptions& options) {
  return {options.heads, [mask = options.mask](std::int64_t query, std::int64_t key, std::int64_t slice) {
            return mask.allows({.example = slice}, query, key);
          }};
}

std::vector<InputSpec> inputs_apart(const CallSizes& sizes, const AttentionOptions& options) {
  const auto input = [&](const char* name, std::int64_t heads, std::int64_t width, std::int64_t columns) {
    return InputSpec{
        .shape = {heads * width, columns, sizes.slices}, .name = name, .parts = {{name, 0, heads * width, heads}}};
  };
  const std::int64_t key_heads = options.key_heads > 0 ? options.key_heads : options.heads;
  return {input("query", options.heads, sizes.width, sizes.queries), input("key", key_heads, sizes.width, sizes.keys),
          input("value", key_heads, sizes.value_width, sizes.keys)};
}

OpCase case_apart(const std::string& label, const CallSizes& sizes, const AttentionOptions& options) {
  return {label, inputs_apart(sizes, options), attend_apart(options), rule_of(options)};
}

// With a line, a sink, or both, as inputs after the value.
OpCase case_shaped(const std::string& label, const CallSizes& sizes, const AttentionOptions& options, bool line,
                   bool sink, const std::int32_t* first = nullptr) {
  std::int64_t last = sizes.queries - 1;
  for (std::int64_t b = 0; first != nullptr && b < sizes.slices; ++b) {
    last = std::max(last, sizes.queries - 1 + first[b]);
  }
  std::vector<InputSpec> inputs = inputs_apart(sizes, options);
  if (line) inputs.push_back({.shape = {sizes.keys + last, options.heads}, .name = "line"});
  if (sink) inputs.push_back({.shape = {options.heads}, .name = "sink"});
  const auto call = [=](auto x) {
    using T = std::remove_cvref_t<decltype(*x[0].data())>;
    ScoreTerms<T> terms{.least = -last, .first = first};
    if (line) terms.line = x[3];
    if (sink) terms.sink = x[line ? 4 : 3];
    const auto all = [&](std::size_t i) { return RowBlock<T>::all(x[i]); };
    return attention(all(0), all(1), all(2), options, terms).context;
  };
  return {label, std::move(inputs), call, rule_of(options)};
}

OpCase case_joined(const std::string& label, const Shape& shape, const AttentionOptions& options, std::int64_t rows,
                   std::int64_t gap = 0) {
  const std::int64_t heads = options.heads;
  const InputSpec input{
      .shape = shape,
      .name = "joined",
      .parts = {{"query", gap, rows, heads}, {"key", gap + rows, rows, heads}, {"value", gap + 2 * rows, rows, heads}}};
  return {label, {input}, attend_joined(options, rows, gap), rule_of(options)};
}

// Every way of calling attention, by one kernel.
std::vector<OpCase> attention_cases(const std::string& prefix, AttentionKernel kernel) {
  static const RandomStream random(11, Purpose::dropout);
  const Mask causal = Causal{};
  const Mask ragged = Lengths{kRagged};
  const Mask both = causal & ragged;
  const Mask window_or_first = Window{.left = 1, .right = 1} | Lengths{kFirst};  // not one piece
  const auto with_kernel = [kernel](AttentionOptions options) {
    options.kernel = kernel;
    return options;
  };
  const auto apart = [&](const char* label, const CallSizes& sizes, const AttentionOptions& options) {
    return case_apart(label, sizes, with_kernel(options));
  };
  const auto joined = [&](const char* label, const Shape& shape, const AttentionOptions& options, std::int64_t rows,
                          std::int64_t gap = 0) { return case_joined(label, shape, with_kernel(options), rows, gap); };
  std::vector<OpCase> cases{
      apart("D4_H1_Q1_K1", {4, 4, 1, 1}, {.scale = 0.5}),
      apart("D3_H2_Q4_K5_B2", {3, 3, 4, 5, 2}, {.heads = 2, .scale = 0.577}),
      apart("value_width_5", {3, 5, 4, 3, 2}, {.heads = 2, .scale = 1}),
      apart("causal", {2, 2, 5, 5}, {.heads = 2, .scale = 0.7, .mask = causal}),
      apart("ragged_with_an_empty_slice", {2, 2, 3, 5, 3}, {.heads = 2, .scale = 0.7, .mask = ragged}),
      joined("causal_in_blocks", {6, 70}, {.scale = 0.7, .mask = causal}, 2),
      joined("joined_causal_ragged", {12, 5, 3}, {.heads = 2, .scale = 0.7, .mask = both}, 4),
      joined("joined_with_rows_left_over", {15, 5, 3}, {.heads = 2, .scale = 0.7, .mask = ragged}, 4, 2),
      apart("query_offset", {4, 4, 2, 5}, {.scale = 0.5, .mask = Causal{.offset = 2}}),
      apart("window", {2, 2, 5, 6}, {.heads = 2, .scale = 0.7, .mask = Window{.left = 1, .right = 2}}),
      apart("window_beyond_the_keys", {2, 2, 5, 6}, {.scale = 0.7, .mask = Window{.left = 1, .offset = 4}}),
      joined("window_in_blocks", {6, 70}, {.scale = 0.7, .mask = Window{.left = 2, .right = 1}}, 2),
      apart("window_or_first_dropped", {2, 2, 6, 6, 3},
            {.heads = 2, .scale = 0.7, .mask = window_or_first, .dropout = 0.4, .random = &random, .first_example = 7}),
      apart("dropout", {2, 2, 5, 5, 3},
            {.heads = 2, .scale = 0.7, .mask = both, .dropout = 0.4, .random = &random, .first_example = 7}),
      apart("D17_Q18_K33", {17, 17, 18, 33}, {.scale = 0.24}),
      apart("H5_B6", {2, 1, 3, 2, 6}, {.heads = 5, .scale = 0.7}),
      apart("Q3_K67", {2, 2, 3, 67}, {.heads = 1, .scale = 0.7}),
      apart("D67_Q2_K3", {67, 3, 2, 3}, {.scale = 0.1}),
      apart("value_width_67", {2, 67, 2, 3}, {.scale = 0.7}),
      apart("saturated", {2, 2, 3, 5}, {.scale = 2}),
      apart("H4_share_2", {2, 3, 5, 5, 2}, {.heads = 4, .key_heads = 2, .scale = 0.7, .mask = causal}),
      apart("H3_share_1_dropped", {2, 2, 4, 5, 3},
            {.heads = 3, .key_heads = 1, .scale = 0.7, .mask = ragged, .dropout = 0.4, .random = &random}),
  };
  for (OpCase& op_case : cases) op_case.label = prefix + op_case.label;
  return cases;
}

// What is taken in tiles alone.
std::vector<OpCase> shaped_cases(const RandomStream& random) {
  const Mask causal = Causal{};
  const Mask ragged = Lengths{kRagged};
  const Mask both = causal & ragged;
  const Mask pieces = (Window{.left = 20} | Lengths{kFirst}) & Lengths{kLong};
  const CallSizes small{2, 3, 4, 5, 3};
  const CallSizes square{2, 2, 5, 5, 3};
  return {
      case_shaped("cap", small, {.heads = 2, .scale = 1.4, .cap = 1.5}, false, false),
      case_shaped("line", small, {.heads = 2, .scale = 0.7, .mask = ragged}, true, false),
      case_shaped("line_from_positions", {2, 2, 2, 6, 3}, {.heads = 2, .scale = 0.7}, true, false, kFirst),
      case_shaped("sink", square, {.heads = 2, .scale = 0.7, .mask = both}, false, true),
      case_shaped("zero_sink", square, {.heads = 2, .scale = 0.7, .mask = both, .zero_sink = true}, false, false),
      case_shaped("all_dropped", square,
                  {.heads = 4,
                   .key_heads = 2,
                   .scale = 0.9,
                   .cap = 2,
                   .mask = both,
                   .dropout = 0.4,
                   .random = &random,
                   .first_example = 7},
                  true, true),
      case_shaped("tiles_all", {1, 1, 66, 132}, {.heads = 2, .key_heads = 1, .scale = 0.7, .cap = 2, .mask = pieces},
                  true, true),
      case_shaped("K1_Q1_all", {1, 1, 1, 1}, {.cap = 2}, true, true),
      case_shaped("saturated_cap", {2, 2, 3, 5}, {.scale = 2, .cap = 0.5}, true, true),
  };
}

}  // namespace

OpSpec spec_attention() {
  static const RandomStream random(11, Purpose::dropout);
  std::vector<OpCase> cases = attention_cases("", AttentionKernel::whole);
  for (OpCase& tiled : attention_cases("tiled_", AttentionKernel::tiled)) cases.push_back(std::move(tiled));
  // More keys and queries than a tile holds, with parts left over.
  constexpr AttentionKernel kTiled = AttentionKernel::tiled;
  const Mask both = Causal{} & Lengths{kLong};
  const Mask pieces = (Window{.left = 20} | Lengths{kFirst}) & Lengths{kLong};
  cases.push_back(case_apart("tiles", {1, 1, 70, 140}, {.heads = 2, .scale = 0.7, .kernel = kTiled}));
  cases.push_back(case_joined("tiles_causal_ragged_dropped", {3, 140, 2},
                              {.scale = 0.7, .mask = both, .dropout = 0.3, .random = &random, .kernel = kTiled}, 1));
  cases.push_back(case_joined("tiles_in_pieces_dropped", {3, 140, 2},
                              {.scale = 0.7, .mask = pieces, .dropout = 0.3, .random = &random, .kernel = kTiled}, 1));
  for (OpCase& shaped : shaped_cases(random)) cases.push_back(std::move(shaped));
  return {
      .name = "attention",
      .cases = std::move(cases),
      .refusals = {
          {"heads", {{5, 2}, {5, 2}, {5, 2}}, attend_apart({.heads = 2}), "2 heads do not divide query (5, 2)"},
          {"no_heads", {{4, 2}, {4, 2}, {4, 2}}, attend_apart({.heads = 0}), "heads must be at least 1, not 0"},
          {"key_heads",
           {{6, 2}, {4, 2}, {4, 2}},
           attend_apart({.heads = 3, .key_heads = 2}),
           "3 heads cannot share 2 key heads equally"},
          {"cap", {{4, 2}, {4, 2}, {4, 2}}, attend_apart({.cap = -1}), "cap must be 0 or more, not -1"},
          {"whole_cap",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.cap = 1, .kernel = AttentionKernel::whole}),
           "whole takes no cap, line or sink"},
          {"line",
           {{4, 3}, {4, 2}, {4, 2}, {3, 1}},
           attend_with({}, -2, true),
           "line is (3, 1) from distance -2 on, 1 heads need distances -2 to 1"},
          {"line_heads",
           {{4, 3}, {4, 2}, {4, 2}, {4, 1}},
           attend_with({.heads = 2}, -2, true),
           "line is (4, 1) from distance -2 on, 2 heads need"},
          {"sink", {{4, 3}, {4, 2}, {4, 2}, {2}}, attend_with({}, 0, false), "sink is (2, 1), 1 heads need (1, 1)"},
          {"two_sinks",
           {{4, 3}, {4, 2}, {4, 2}, {1}},
           attend_with({.zero_sink = true}, 0, false),
           "a sink is zero or given, not both"},
          {"key_width", {{4, 2}, {6, 2}, {4, 2}}, attend_apart({}), "sizes disagree: query is (4, 2), key is (6, 2)"},
          {"composed",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.kernel = AttentionKernel::composed}),
           "the composed way is made of other ops"},
          {"positions", {{4, 2}, {4, 3}, {4, 2}}, attend_apart({}), "key is (4, 3), value is (4, 2)"},
          {"rows", {{11, 2}}, attend_joined({}, 4), "value is 4 rows from 8 on, of (11, 2)"},
          {"dropout",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.dropout = 1, .random = &random}),
           "must be in [0, 1), not 1"},
          {"dropout_without_numbers",
           {{4, 2}, {4, 2}, {4, 2}},
           attend_apart({.dropout = 0.5}),
           "needs a random stream"},
      }};
}

}  // namespace tapehead
