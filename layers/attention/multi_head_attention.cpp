#include "layers/attention/multi_head_attention.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/masks/lengths.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/reshape.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/split_heads.hpp"
#include "layers/attention/at_positions.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

using Options = MultiHeadAttention::Options;

// How many heads of scores a head has.
std::int64_t parts_of(const Options& o) {
  const StageSpec* mixing = chosen_stage(StageKind::mixing, o.stages.mixing);
  return mixing == nullptr ? 1 : mixing->parts;
}

Options complete(Options options, const std::string& path) {
  if (options.channels < 1 || options.heads < 1 || options.key_width < 0 || options.value_width < 0 ||
      options.head.key_heads < 0) {
    throw ConfigError(fmt::format("{}: channels ({}), heads ({}) and widths ({}, {}) must be positive", path,
                                  options.channels, options.heads, options.key_width, options.value_width));
  }
  if (options.key_width == 0) {
    if (options.channels % options.heads != 0) {
      throw ConfigError(fmt::format("{}: {} heads do not divide {} channels; give the width of a head", path,
                                    options.heads, options.channels));
    }
    options.key_width = options.channels / options.heads;
  }
  if (options.value_width == 0) options.value_width = options.key_width;
  check_fields(options.head);
  require_shared_evenly(options.head, options.heads);
  const std::int64_t parts = parts_of(options);
  if (options.key_width % parts != 0) {
    throw ConfigError(
        fmt::format("{}: head-mixing {} cuts the queries of a head in {}, and {} channels are not so "
                    "divided; choose another d-head",
                    path, options.stages.mixing, parts, options.key_width));
  }
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(options.key_width / parts));
  return options;
}

// Of one stage: they are handed on in memory of a fixed size.
constexpr std::size_t kMostParameters = 4;

std::int64_t key_heads(const Options& o) { return o.head.key_heads > 0 ? o.head.key_heads : o.heads; }
std::int64_t key_rows(const Options& o) { return key_heads(o) * o.key_width; }
std::int64_t value_rows(const Options& o) { return key_heads(o) * o.value_width; }
bool has_bias(const Options& o) { return o.head.projection_bias != "no"; }

std::vector<JoinedLinear::Part> query_parts(const Options& o) {
  const JoinedLinear::Part query{.name = "query", .out = o.heads * o.key_width, .factor = o.query_factor};
  if (o.memory_channels > 0) return {query};
  return {query, {"key", key_rows(o)}, {"value", value_rows(o)}};
}

RotaryChoices turning(const Options& o) { return o.memory_channels > 0 ? RotaryChoices{} : o.rotary; }

std::optional<JoinedLinear> memory_projection(const Scope& scope, const Options& o) {
  if (o.memory_channels == 0) return std::nullopt;
  std::vector<JoinedLinear::Part> parts{{"key", key_rows(o)}};
  if (!o.values_apart) parts.push_back({"value", value_rows(o)});
  return JoinedLinear(scope, o.memory_channels, parts, has_bias(o));
}
std::optional<JoinedLinear> values_projection(const Scope& scope, const Options& o) {
  if (!o.values_apart) return std::nullopt;
  if (o.memory_channels == 0) throw ConfigError(fmt::format("{}: only a memory has values apart", scope.path()));
  return JoinedLinear(scope, o.memory_channels, {{"value", value_rows(o)}}, has_bias(o));
}

// The numbers (R, T) of each sequence read as (R / heads, T, heads), and then taken for what heads of channels are:
// what a reshape does that should have been followed by a transposition. And back.
template <Scalar T>
Var<T> misread(const RowBlock<T>& block, std::int64_t heads) {
  const auto [rows, columns, slices] = Shape{block.rows, block.x.shape().columns, block.x.shape().slices};
  return merge_heads(
      reshape(slice(block.x, Axis::rows, block.first_row, rows), {rows / heads, columns, heads * slices}), heads);
}
template <Scalar T>
Var<T> misread_back(Var<T> context, std::int64_t heads) {
  return reshape(split_heads(context, heads), context.shape());
}

}  // namespace

AttentionStages stages_of(const Options& given, const std::string& path) {
  const Options o = complete(given, path);
  AttentionStages stages{.sizes = {o.heads, o.key_width, o.value_width, key_heads(o)},
                         .scale = o.scale,
                         .learned_scale = o.learned_scale,
                         .cap = o.stages.cap,
                         .numbers = o.stages.numbers,
                         .dropout = o.dropout,
                         .kernel = o.kernel};
  StageChoices choices = o.stages;
  for (std::size_t kind = 0; kind < kStageKinds; ++kind) {
    stages.of(StageKind(kind)) = chosen_stage(StageKind(kind), choice_of(choices, StageKind(kind)));
  }
  if (o.memory_channels > 0 && stages.bias != nullptr && stages.bias->of_keys.name != nullptr) {
    throw ConfigError(fmt::format("{}: bias {} belongs to self-attention", path, stages.bias->name));
  }
  stages.kernel = choose_kernel(stages);
  return stages;
}

MultiHeadAttention::MultiHeadAttention(const Scope& scope, const Options& given)
    : path(scope.path()),
      options(complete(given, scope.path())),
      from_queries(scope, options.channels, query_parts(options), has_bias(options)),
      from_memory(memory_projection(scope, options)),
      from_values(values_projection(scope, options)),
      output(scope / "output", {.in = options.heads * options.value_width,
                                .out = options.channels,
                                .has_bias = has_bias(options),
                                .factor = options.output_factor}),
      site(scope.new_site()),
      stages_(stages_of(options, path)),
      rotary_(turning(options), options.key_width / parts_of(options)),
      values_(scope / "value_residual", options.value_residual) {
  options.kernel = stages_.kernel;
  const HeadSizes scoring = stages_.scoring();
  for (std::size_t at = 0; at < kStageKinds; ++at) {
    const auto kind = StageKind(at);
    const StageSpec* stage = stages_.of(kind);
    if (stage == nullptr || stage->declare == nullptr) continue;
    const bool of_contexts = kind == StageKind::mixing || kind == StageKind::gate;
    of_stages_[at] = stage->declare(scope / name_of(kind), of_contexts ? stages_.sizes : scoring, stages_.numbers);
    if (of_stages_[at].size() > kMostParameters) {
      throw ConfigError(fmt::format("{}: {} has {} parameters, and a stage {} at most", path, stage->name,
                                    of_stages_[at].size(), kMostParameters));
    }
  }
  if (options.learned_scale) scale_ = scope.declare({scope.vector("scale", scoring.heads, options.scale)});
  if (stages_.bias != nullptr && stages_.bias->of_keys.name != nullptr) {
    const auto [name, first_bias] = stages_.bias->of_keys;
    of_keys_ = Linear(scope / name, {.in = options.channels, .out = scoring.heads, .first_bias = first_bias});
  }
}

template <Scalar T>
Var<T> MultiHeadAttention::attended(StageOperands<T> in, AttentionRole role, const Mask& mask, const Pass& pass) const {
  Tape<T>& tape = in.query.x.tape();
  std::array<Var<T>, kStageKinds * kMostParameters> leaves;
  std::size_t used = 0;
  const auto leaves_of = [&](StageKind kind) {
    const std::size_t first = used;
    for (const Parameter& parameter : of_stages_[static_cast<std::size_t>(kind)]) leaves[used++] = tape.leaf(parameter);
    return std::span<const Var<T>>(leaves).subspan(first, used - first);
  };
  in.score = leaves_of(StageKind::score);
  in.bias = leaves_of(StageKind::bias);
  in.mixing = leaves_of(StageKind::mixing);
  in.normalizer = leaves_of(StageKind::normalizer);
  in.gate = leaves_of(StageKind::gate);
  if (scale_) in.scale = tape.leaf(scale_);
  const bool reshaped = options.head.split == "reshape";
  if (reshaped) {
    if (pass.cache != nullptr) {
      throw ConfigError(
          fmt::format("{}: head-split reshape mixes positions, so what comes first depends on what is to come: nothing "
                      "can be written token by token",
                      path));
    }
    in.query = RowBlock<T>::all(misread(in.query, options.heads));
    in.key = RowBlock<T>::all(misread(in.key, key_heads(options)));
    in.value = RowBlock<T>::all(misread(in.value, key_heads(options)));
  }
  AttentionStages stages = stages_;
  stages.dropout = options.dropout;  // which may have been set anew
  Var<T> context = attend<T>(stages, in, mask, pass, {path, role, site});
  if (reshaped) context = misread_back(context, options.heads);
  return pass.shown({path, role, What::output, options.heads}, output(context));
}

template <Scalar T>
Var<T> MultiHeadAttention::projected(Var<T> x, const Pass& pass, Var<T>* first_values) const {
  const std::int64_t turned = stages_.scoring().heads / options.heads * (options.heads + key_heads(options));
  const Var<T> joined = rotary_(from_queries(x), turned, pass);
  if (first_values == nullptr) return joined;
  const std::int64_t values = value_rows(options);
  const std::int64_t before = joined.shape().rows - values;
  const Var<T> own = slice(joined, Axis::rows, before, values);
  if (!*first_values) {
    *first_values = own;
    return joined;
  }
  const std::array<Var<T>, 2> parts{slice(joined, Axis::rows, 0, before), values_(own, *first_values)};
  return concatenate<T>(parts, Axis::rows);
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, const Mask& allowed, const Pass& pass, Var<T>* first_values) const {
  if (from_memory) throw ConfigError(fmt::format("{}: cross-attention needs a memory", path));
  const Var<T> joined = projected(x, pass, first_values);
  const Var<T> of_keys = of_keys_ ? (*of_keys_)(x) : Var<T>{};
  const std::int64_t queries = options.heads * options.key_width;
  const std::int64_t keys = key_rows(options);
  const std::int64_t values = value_rows(options);
  const Mask mask = allowed & options.visible;
  const AttentionRole role = mask.looks_back() ? AttentionRole::causal : AttentionRole::self;
  if (pass.cache != nullptr) {
    KeyValueCache<T>& cache = KeyValueCache<T>::of(pass);
    // What is remembered of a key lies together.
    const std::int64_t more = of_keys ? of_keys.shape().rows : 0;
    const std::array<Var<T>, 2> parts{joined, of_keys};
    const Var<T> remembered = of_keys ? concatenate<T>(parts, Axis::rows) : joined;
    if (const Var<T> all = cache.extend(site, {remembered, queries, keys + values + more})) {
      const Mask behind = AtPositions{.mask = &mask, .positions = cache.before()} & Lengths{cache.with()};
      return attended<T>({.query = {joined, 0, queries},
                          .key = {all, 0, keys},
                          .value = {all, keys, values},
                          .first_query = cache.before(),
                          .of_keys = of_keys ? slice(all, Axis::rows, keys + values, more) : Var<T>{}},
                         role, behind, pass);
    }
  }
  return attended<T>({.query = {joined, 0, queries},
                      .key = {joined, queries, keys},
                      .value = {joined, queries + keys, values},
                      .of_keys = of_keys},
                     role, mask, pass);
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, Var<T> memory, const Mask& mask, const Pass& pass) const {
  return of_projected(x, project(x.tape(), memory, pass), mask, pass);
}

template <Scalar T>
Var<T> MultiHeadAttention::project(Tape<T>& tape, Var<T> memory, const Pass& pass, Var<T> of_values) const {
  if (!from_memory) throw ConfigError(fmt::format("{}: self-attention takes no memory", path));
  const auto projected = [&] {
    if (!from_values) return (*from_memory)(memory);
    const std::array<Var<T>, 2> parts{(*from_memory)(memory), (*from_values)(of_values)};
    return concatenate<T>(parts, Axis::rows);
  };
  return pass.cache == nullptr ? projected() : KeyValueCache<T>::of(pass).remember(site, tape, projected);
}

template <Scalar T>
Var<T> MultiHeadAttention::of_projected(Var<T> x, Var<T> keys_and_values, const Mask& mask, const Pass& pass) const {
  const std::int64_t keys = key_rows(options);
  return attended<T>({.query = RowBlock<T>::all(from_queries(x)),
                      .key = {keys_and_values, 0, keys},
                      .value = {keys_and_values, keys, value_rows(options)}},
                     AttentionRole::cross, mask, pass);
}

template Var<float> MultiHeadAttention::operator()(Var<float>, const Mask&, const Pass&, Var<float>*) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, const Mask&, const Pass&, Var<double>*) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, const Mask&, const Pass&,
                                                                  Var<std::complex<double>>*) const;
template Var<float> MultiHeadAttention::operator()(Var<float>, Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                                  const Mask&, const Pass&) const;
template Var<float> MultiHeadAttention::project(Tape<float>&, Var<float>, const Pass&, Var<float>) const;
template Var<double> MultiHeadAttention::project(Tape<double>&, Var<double>, const Pass&, Var<double>) const;
template Var<std::complex<double>> MultiHeadAttention::project(Tape<std::complex<double>>&, Var<std::complex<double>>,
                                                               const Pass&, Var<std::complex<double>>) const;
template Var<float> MultiHeadAttention::of_projected(Var<float>, Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::of_projected(Var<double>, Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::of_projected(Var<std::complex<double>>,
                                                                    Var<std::complex<double>>, const Mask&,
                                                                    const Pass&) const;

LayerSpec layer_spec_multi_head_attention() {
  const auto self = [](const std::string& label, const MultiHeadAttention::Options& options) {
    return layer_case(
        "multi_head_attention/" + label, {sample_activations()},
        [options](const Scope& scope) { return MultiHeadAttention(scope, options); },
        [](const MultiHeadAttention& layer, auto&, auto x) {
          return layer(x[0], Mask::causal(), Pass{.training = true, .seed = 5});
        });
  };
  const InputSpec memory{.shape = {5, 3, 2}, .low = -1, .high = 1, .name = "memory"};
  const auto rotated = [&](const std::string& layout, double share) {
    MultiHeadAttention::Options options{.channels = 6, .heads = 2, .key_width = 4};
    options.rotary = {.positions = 8, .base = 50, .share = share, .layout = layout};
    return self("rotary_" + layout, options);
  };
  std::vector<ProblemCase> cases{
      rotated("halves", 1),
      rotated("pairs", 0.5),
      self("causal_with_dropout", {.channels = 6, .heads = 2, .key_width = 2, .value_width = 5, .dropout = 0.3}),
      self("tiled", {.channels = 6, .heads = 3, .dropout = 0.3, .kernel = AttentionKernel::tiled}),
      layer_case(
          "multi_head_attention/to_a_memory_of_other_width", {sample_activations(), memory},
          [](const Scope& scope) {
            return MultiHeadAttention(scope, {.channels = 6, .memory_channels = 5, .heads = 3, .scale = 0.25});
          },
          [](const MultiHeadAttention& layer, auto&, auto x) {
            return layer(x[0], x[1], Mask::padding({.lengths = kSampleLengths}), Pass{});
          }),
      layer_case(
          "multi_head_attention/to_values_apart", {sample_activations(), memory, memory},
          [](const Scope& scope) {
            return MultiHeadAttention(
                scope, {.channels = 6, .memory_channels = 5, .values_apart = true, .heads = 3, .value_width = 3});
          },
          [](const MultiHeadAttention& layer, auto& tape, auto x) {
            return layer.of_projected(x[0], layer.project(tape, x[1], Pass{}, x[2]),
                                      Mask::padding({.lengths = kSampleLengths}), Pass{});
          })};
  // Heads of every kind, with a scale that they learn.
  const auto of_heads = [&](const std::string& label, std::int64_t heads, const HeadChoices& head,
                            const std::string& score = "dot") {
    cases.push_back(self(label, {.channels = 6,
                                 .heads = heads,
                                 .key_width = 2,
                                 .value_width = 3,
                                 .head = head,
                                 .learned_scale = true,
                                 .stages = {.score = score}}));
  };
  of_heads("grouped_query", 4, {.key_heads = 2});
  of_heads("multi_query", 3, {.key_heads = 1});
  of_heads("without_biases", 2, {.projection_bias = "no"});
  of_heads("reshaped", 2, {.split = "reshape"});
  of_heads("learned_scale_of_distances", 2, {}, "distance");
  MultiHeadAttention::Options differential{.channels = 6, .heads = 4, .key_width = 4, .head = {.key_heads = 2}};
  differential.stages.mixing = "differential";
  differential.rotary.positions = 4;
  cases.push_back(self("differential_grouped_rotary", differential));
  // Every stage that there is, by itself, fused where it can be and composed.
  for (const StageSpec& spec : stage_specs()) {
    MultiHeadAttention::Options options{.channels = 6, .heads = 2, .key_width = 4, .dropout = 0.3};
    choice_of(options.stages, spec.kind) = spec.name;
    options.stages.numbers.positions = 5;
    cases.push_back(self(spec.name, options));
    options.kernel = AttentionKernel::composed;
    cases.push_back(self(spec.name + "_composed", options));
  }
  return {"multi_head_attention", std::move(cases)};
}

}  // namespace tapehead
