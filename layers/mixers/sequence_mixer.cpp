#include "layers/mixers/sequence_mixer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/matmul.hpp"
#include "autograd/ops/merge_heads.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/split_heads.hpp"
#include "autograd/ops/unit_norm.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

const MixerSpec& checked(const SequenceMixer::Options& o, const std::string& path) {
  const MixerSpec& spec = find_mixer(o.mixer);
  if (o.channels < 1 || o.sizes.heads < 1 || o.sizes.key_width < 1 || o.sizes.value_width < 1) {
    throw ConfigError(fmt::format("{}: channels ({}), heads ({}) and widths ({}, {}) must be positive", path,
                                  o.channels, o.sizes.heads, o.sizes.key_width, o.sizes.value_width));
  }
  if (o.rotary.positions > 0 && !spec.turns) {
    throw ConfigError(
        fmt::format("positions: rotary does not apply to mixer {}; choose sinusoidal, learned or none", spec.name));
  }
  return spec;
}

SequenceMixer::Options complete(SequenceMixer::Options o) {
  if (find_mixer(o.mixer).reads == MixerReads::stream) o.sizes = {1, o.channels, o.channels};
  return o;
}

std::optional<JoinedLinear> input_projection(const Scope& scope, const SequenceMixer::Options& o) {
  const MixerReads reads = find_mixer(o.mixer).reads;
  if (reads == MixerReads::stream) return std::nullopt;
  const std::int64_t keys = o.sizes.heads * o.sizes.key_width;
  const JoinedLinear::Part value{"value", o.sizes.heads * o.sizes.value_width};
  if (reads == MixerReads::values) return JoinedLinear(scope, o.channels, {value}, o.projection_bias);
  return JoinedLinear(scope, o.channels, {{"query", keys}, {"key", keys}, value}, o.projection_bias);
}

std::optional<Linear> output_projection(const Scope& scope, const SequenceMixer::Options& o) {
  if (find_mixer(o.mixer).reads == MixerReads::stream) return std::nullopt;
  return Linear(scope, {.in = o.sizes.heads * o.sizes.value_width,
                        .out = o.channels,
                        .has_bias = o.projection_bias,
                        .factor = o.output_factor});
}

// (H·T, T, B): of head h, column t is 1 in row t and else 0. As values, they make weights of contexts.
template <Scalar T>
Var<T> unit_values(Tape<T>& tape, std::int64_t heads, std::int64_t positions, std::int64_t slices) {
  const Shape shape{heads * positions, positions, slices};
  T* values = tape.allocate(shape.size());
  std::fill_n(values, shape.size(), T(0));
  for (std::int64_t b = 0; b < slices; ++b) {
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t t = 0; t < positions; ++t) values[shape.offset({h * positions + t, t, b})] = T(1);
    }
  }
  return tape.record("unit_values", shape, values, {}, [](Pull<T>&) {});
}

}  // namespace

const MixerSpec& find_mixer(const std::string& name) {
  const auto found = std::ranges::find(mixer_specs(), name, &MixerSpec::name);
  if (found != mixer_specs().end()) return *found;
  std::string names = "attention";
  for (const MixerSpec& spec : mixer_specs()) names += ", " + spec.name;
  throw ConfigError(fmt::format("mixer: \"{}\" is none of {}", name, names));
}

std::string mixer_names(bool (*which)(const MixerSpec& spec)) {
  std::string names;
  for (const MixerSpec& spec : mixer_specs()) {
    if (which == nullptr || which(spec)) names += (names.empty() ? "" : " ") + spec.name;
  }
  return names;
}

SequenceMixer::SequenceMixer(const Scope& scope, const Options& given)
    : path(scope.path()),
      options(complete(given)),
      spec(&checked(options, scope.path())),
      from_input(input_projection(scope, options)),
      rotary(options.rotary, options.sizes.key_width),
      output(output_projection(scope / "output", options)),
      site(scope.new_site()) {
  if (spec->gates == nullptr) return;
  const std::int64_t gates = options.sizes.heads * spec->gates(options.sizes);
  gate = Linear(scope / "gate", {.in = options.channels, .out = gates, .first_bias = spec->first_gate});
}

// Of each example, how far a mask lets it be read; nullptr: to the end.
const std::int32_t* SequenceMixer::lengths_under(const Mask& mask, const Shape& x, std::int32_t* memory,
                                                 std::span<Mask::Row> rows) const {
  const bool causal = mask.looks_back();
  bool any = false;
  for (std::int64_t b = 0; b < x.slices; ++b) {
    mask.rows({.example = b, .keys = x.columns}, 0, x.columns, rows.data());
    const std::int32_t length = rows.empty() ? 0 : rows.back().end;
    for (std::int64_t t = 0; t < x.columns; ++t) {
      const Mask::Row& row = rows[static_cast<std::size_t>(t)];
      const std::int64_t end = causal ? std::min<std::int64_t>(t + 1, length) : length;
      if (row.end == end && (row.end == 0 || (row.begin == 0 && row.whole)) && !mask.by_head()) continue;
      throw ConfigError(fmt::format("{}: mixer {} takes no mask but causal and lengths", path, spec->name));
    }
    memory[b] = length;
    any |= length < x.columns;
  }
  return any ? memory : nullptr;
}

template <Scalar T>
Var<T> SequenceMixer::mixed(MixerInput<T> in, bool causal) const {
  if (causal) return spec->apply(in);
  if (spec->symmetric) {
    in.both_ways = true;
    return spec->apply(in);
  }
  const Var<T> forwards = spec->apply(in);
  in.options.backwards = true;
  return add(forwards, spec->apply(in));
}

template <Scalar T>
Var<T> SequenceMixer::mixed_by_weights(const MixerInput<T>& in, AttentionRole role, const Pass& pass) const {
  const std::int64_t heads = options.sizes.heads;
  const Shape shape = in.value.x.shape();
  MixerInput<T> of_units = in;
  of_units.value = RowBlock<T>::all(unit_values(in.value.x.tape(), heads, shape.columns, shape.slices));
  const Var<T> weights = pass.shown({path, role, What::weights, heads},
                                    split_heads(mixed(of_units, role == AttentionRole::causal), heads));
  const Var<T> values = slice(in.value.x, Axis::rows, in.value.first_row, in.value.rows);
  return merge_heads(matmul(split_heads(values, heads), weights), heads);
}

template <Scalar T>
MixerInput<T> SequenceMixer::projected(Var<T> x, const Pass& pass) const {
  const HeadSizes& sizes = options.sizes;
  const std::int64_t keys = sizes.heads * sizes.key_width;
  const std::int64_t values = sizes.heads * sizes.value_width;
  MixerInput<T> in;
  in.scale = 1 / std::sqrt(static_cast<double>(sizes.key_width));
  in.options.heads = sizes.heads;
  if (spec->reads == MixerReads::queries) {
    const Var<T> joined = rotary((*from_input)(x), 2 * sizes.heads, pass);
    in.query = {joined, 0, keys};
    in.key = {joined, keys, keys};
    in.value = {joined, 2 * keys, values};
  } else {
    in.value = RowBlock<T>::all(from_input ? (*from_input)(x) : x);
  }
  if (gate) in.gate = RowBlock<T>::all((*gate)(x));
  return in;
}

template <Scalar T>
Var<T> SequenceMixer::operator()(Var<T> x, const Mask& mask, const Pass& pass) const {
  Tape<T>& tape = x.tape();
  const HeadSizes& sizes = options.sizes;
  const Shape shape = x.shape();
  const AttentionRole role = mask.looks_back() ? AttentionRole::causal : AttentionRole::self;
  if (role == AttentionRole::causal && !spec->causal) {
    throw ConfigError(
        fmt::format("{}: mixer {} reads all of a sequence at once, and cannot be causal", path, spec->name));
  }
  MixerInput<T> in = projected(x, pass);
  auto* lengths = tape.template allocate_as<std::int32_t>(shape.slices);
  auto* rows = tape.template allocate_as<Mask::Row>(shape.columns);
  in.options.lengths = lengths_under(mask, shape, lengths, {rows, static_cast<std::size_t>(shape.columns)});
  if (pass.cache != nullptr) {
    if (role != AttentionRole::causal) throw ConfigError(fmt::format("{}: only a causal mixer writes", path));
    KeyValueCache<T>& cache = KeyValueCache<T>::of(pass);
    for (std::int64_t b = 0; b < shape.slices; ++b) lengths[b] = cache.with()[b] - cache.before()[b];
    in.options.lengths = lengths;
    in.state = cache.state(site, sizes.heads * spec->state_size(sizes));
  }
  // Weights of one value each say nothing of what the channels of others do.
  const bool weighs = spec->reads != MixerReads::stream;
  const bool watched = weighs && pass.cache == nullptr && pass.probe != nullptr &&
                       pass.probe->wants({path, role, What::weights, sizes.heads});
  Var<T> context = watched ? mixed_by_weights(in, role, pass) : mixed(in, role == AttentionRole::causal);
  if (!spec->averages) {
    context = scale(unit_norm(context, Var<T>{}, sizes.heads), std::sqrt(static_cast<double>(sizes.value_width)));
  }
  context = pass.shown({path, role, What::context, sizes.heads}, context);
  return pass.shown({path, role, What::output, sizes.heads}, output ? (*output)(context) : context);
}

template Var<float> SequenceMixer::operator()(Var<float>, const Mask&, const Pass&) const;
template Var<double> SequenceMixer::operator()(Var<double>, const Mask&, const Pass&) const;
template Var<std::complex<double>> SequenceMixer::operator()(Var<std::complex<double>>, const Mask&, const Pass&) const;

LayerSpec layer_spec_sequence_mixer() {
  std::vector<ProblemCase> cases;
  const auto add_case = [&](const std::string& label, const MixerSpec& spec, const Mask& mask, bool rotary) {
    cases.push_back(layer_case(
        "sequence_mixer/" + spec.name + "_" + label, {sample_activations()},
        [name = spec.name, rotary](const Scope& scope) {
          return SequenceMixer(
              scope,
              {.mixer = name, .channels = 6, .sizes = {2, 4, 3}, .rotary = {.positions = rotary ? 8 : 0, .base = 50}});
        },
        [mask](const SequenceMixer& layer, auto&, auto x) { return layer(x[0], mask, Pass{}); }));
  };
  for (const MixerSpec& spec : mixer_specs()) {
    if (spec.causal) add_case("causal", spec, Mask::causal(), false);
    add_case("both_ways", spec, Mask::padding({.lengths = kSampleLengths}), false);
    if (spec.turns) add_case("rotary", spec, Mask::causal(), true);
  }
  return {"sequence_mixer", std::move(cases)};
}

}  // namespace tapehead
