#include "layers/attention/multi_head_attention.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/masks/lengths.hpp"
#include "layers/attention/at_positions.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

MultiHeadAttention::Options complete(MultiHeadAttention::Options options, const std::string& path) {
  if (options.channels < 1 || options.heads < 1 || options.key_width < 0 || options.value_width < 0) {
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
  if (options.scale == 0) options.scale = 1 / std::sqrt(static_cast<double>(options.key_width));
  return options;
}

// Of one stage: they are handed on in memory of a fixed size.
constexpr std::int64_t kMostParameters = 4;

HeadSizes sizes_of(const MultiHeadAttention::Options& o) { return {o.heads, o.key_width, o.value_width}; }

std::vector<JoinedLinear::Part> query_parts(const MultiHeadAttention::Options& o) {
  if (o.memory_channels > 0) return {{"query", o.heads * o.key_width}};
  return {{"query", o.heads * o.key_width}, {"key", o.heads * o.key_width}, {"value", o.heads * o.value_width}};
}

std::shared_ptr<const RotaryTable> rotary_table(const MultiHeadAttention::Options& o) {
  if (o.rotary.positions == 0 || o.memory_channels > 0) return nullptr;
  const auto channels = static_cast<std::int64_t>(o.rotary.share * static_cast<double>(o.key_width)) / 2 * 2;
  return std::make_shared<const RotaryTable>(channels, o.rotary.positions, o.rotary.base);
}

std::optional<JoinedLinear> memory_projection(const Scope& scope, const MultiHeadAttention::Options& o) {
  if (o.memory_channels == 0) return std::nullopt;
  return JoinedLinear(scope, o.memory_channels, {{"key", o.heads * o.key_width}, {"value", o.heads * o.value_width}});
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Scope& scope, const Options& given)
    : path(scope.path()),
      options(complete(given, scope.path())),
      from_queries(scope, options.channels, query_parts(options)),
      from_memory(memory_projection(scope, options)),
      output(scope / "output", {options.heads * options.value_width, options.channels}),
      site(scope.new_site()),
      score_(scope, StageKind::score, options.stages.score, sizes_of(options), options.stages.numbers),
      bias_(scope, StageKind::bias, options.stages.bias, sizes_of(options), options.stages.numbers),
      normalizer_(scope, StageKind::normalizer, options.stages.normalizer, sizes_of(options), options.stages.numbers),
      rotary_(rotary_table(options)) {
  options.kernel = choose_kernel(stages());
}

MultiHeadAttention::Stage::Stage(const Scope& scope, StageKind kind, const std::string& name, const HeadSizes& sizes,
                                 const StageNumbers& numbers) {
  if (kind == StageKind::bias && name == "none") return;
  spec = &find_stage(kind, name);
  if (spec->declare != nullptr) parameters = spec->declare(scope / name_of(kind), sizes, numbers);
  if (std::ssize(parameters) > kMostParameters) {
    throw ConfigError(fmt::format("{}: {} has {} parameters, and a stage {} at most", scope.path(), name,
                                  parameters.size(), kMostParameters));
  }
}

AttentionStages MultiHeadAttention::stages() const {
  return {.sizes = sizes_of(options),
          .score = score_.spec,
          .bias = bias_.spec,
          .normalizer = normalizer_.spec,
          .scale = options.scale,
          .cap = options.stages.cap,
          .numbers = options.stages.numbers,
          .dropout = options.dropout,
          .kernel = options.kernel};
}

template <Scalar T>
Var<T> MultiHeadAttention::attended(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, AttentionRole role,
                                    const Mask& mask, const Pass& pass, const std::int32_t* first_query) const {
  Tape<T>& tape = query.x.tape();
  std::array<Var<T>, 3 * kMostParameters> leaves;
  std::size_t used = 0;
  const auto leaves_of = [&](const Stage& stage) {
    const std::size_t first = used;
    for (const Parameter& parameter : stage.parameters) leaves[used++] = tape.leaf(parameter);
    return std::span<const Var<T>>(leaves).subspan(first, used - first);
  };
  const auto score = leaves_of(score_);
  const auto bias = leaves_of(bias_);
  const Var<T> context = attend<T>(stages(), {query, key, value, score, bias, leaves_of(normalizer_), first_query},
                                   mask, pass, {path, role, site});
  return pass.shown({path, role, What::output, options.heads}, output(context));
}

template <Scalar T>
Var<T> MultiHeadAttention::turned(Var<T> joined, const Pass& pass) const {
  if (rotary_ == nullptr) return joined;
  const bool behind = pass.cache != nullptr && pass.cache->any();
  return rotary(joined, *rotary_,
                {.heads = 2 * options.heads,
                 .width = options.key_width,
                 .pairs = options.rotary.layout == "pairs",
                 .first = behind ? pass.cache->before() : nullptr});
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  if (from_memory) throw ConfigError(fmt::format("{}: cross-attention needs a memory", path));
  const Var<T> joined = turned(from_queries(x), pass);
  const std::int64_t keys = options.heads * options.key_width;
  const std::int64_t values = options.heads * options.value_width;
  const AttentionRole role = mask.looks_back() ? AttentionRole::causal : AttentionRole::self;
  if (pass.cache != nullptr) {
    KeyValueCache<T>& cache = KeyValueCache<T>::of(pass);
    if (const Var<T> all = cache.extend(site, {joined, keys, keys + values})) {
      const Mask behind = AtPositions{.mask = &mask, .positions = cache.before()} & Lengths{cache.with()};
      return attended<T>({joined, 0, keys}, {all, 0, keys}, {all, keys, values}, role, behind, pass, cache.before());
    }
  }
  return attended<T>({joined, 0, keys}, {joined, keys, keys}, {joined, 2 * keys, values}, role, mask, pass);
}

template <Scalar T>
Var<T> MultiHeadAttention::operator()(Var<T> x, Var<T> memory, const Mask& mask, const Pass& pass) const {
  if (!from_memory) throw ConfigError(fmt::format("{}: self-attention takes no memory", path));
  const auto project = [&] { return (*from_memory)(memory); };
  const Var<T> joined =
      pass.cache == nullptr ? project() : KeyValueCache<T>::of(pass).remember(site, x.tape(), project);
  const std::int64_t keys = options.heads * options.key_width;
  const std::int64_t values = options.heads * options.value_width;
  return attended<T>(RowBlock<T>::all(from_queries(x)), {joined, 0, keys}, {joined, keys, values}, AttentionRole::cross,
                     mask, pass);
}

template Var<float> MultiHeadAttention::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, const Mask&,
                                                                  const Pass&) const;
template Var<float> MultiHeadAttention::operator()(Var<float>, Var<float>, const Mask&, const Pass&) const;
template Var<double> MultiHeadAttention::operator()(Var<double>, Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> MultiHeadAttention::operator()(Var<std::complex<double>>, Var<std::complex<double>>,
                                                                  const Mask&, const Pass&) const;

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
      rotated("halves", 1), rotated("pairs", 0.5),
      self("causal_with_dropout", {.channels = 6, .heads = 2, .key_width = 2, .value_width = 5, .dropout = 0.3}),
      self("tiled", {.channels = 6, .heads = 3, .dropout = 0.3, .kernel = AttentionKernel::tiled}),
      layer_case(
          "multi_head_attention/to_a_memory_of_other_width", {sample_activations(), memory},
          [](const Scope& scope) {
            return MultiHeadAttention(scope, {.channels = 6, .memory_channels = 5, .heads = 3, .scale = 0.25});
          },
          [](const MultiHeadAttention& layer, auto&, auto x) {
            return layer(x[0], x[1], Mask::padding({.lengths = kSampleLengths}), Pass{});
          })};
  // Every stage that there is, by itself, fused where it can be and composed.
  for (const StageSpec& spec : stage_specs()) {
    MultiHeadAttention::Options options{.channels = 6, .heads = 2, .key_width = 4, .dropout = 0.3};
    choice_of(options.stages, spec.kind) = spec.name;
    cases.push_back(self(spec.name, options));
    options.kernel = AttentionKernel::composed;
    cases.push_back(self(spec.name + "_composed", options));
  }
  return {"multi_head_attention", std::move(cases)};
}

}  // namespace tapehead
