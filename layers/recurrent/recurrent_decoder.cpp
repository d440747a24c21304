#include "layers/recurrent/recurrent_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "autograd/base/errors.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/concatenate.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/slice.hpp"
#include "autograd/ops/tanh.hpp"
#include "layers/attention/key_value_cache.hpp"
#include "layers/spec.hpp"

namespace tapehead {
namespace {

// `count` handles that live as long as the tape's values.
template <Scalar T>
Var<T>* handles(Tape<T>& tape, std::int64_t count) {
  auto* all = tape.template allocate_as<Var<T>>(count);
  std::uninitialized_default_construct_n(all, count);
  return all;
}

template <Scalar T>
Var<T> filled_with(Tape<T>& tape, const Shape& shape, T value) {
  T* values = tape.allocate(shape.size());
  std::fill_n(values, shape.size(), value);
  return tape.record("filled", shape, values, {}, [](Pull<T>&) {});
}

// The numbers (rows) of each column that a decoding state remembers; empty if it has read nothing.
template <Scalar T>
Var<T> remembered(Tape<T>& tape, std::uint32_t site, std::int64_t rows, const Pass& pass) {
  if (pass.cache == nullptr || !pass.cache->any()) return {};
  KeyValueCache<T>& cache = KeyValueCache<T>::of(pass);
  return tape.constant({rows, 1, cache.columns()}, cache.state(site, rows));
}

// Keeps the last of the positions (R, T, B) that were read of each column; of one that rests, what there was.
template <Scalar T>
void remember(std::uint32_t site, Var<T> x, const std::int32_t* lengths, const Pass& pass) {
  if (pass.cache == nullptr) return;
  const auto [rows, positions, columns] = x.shape();
  T* kept = KeyValueCache<T>::of(pass).state(site, rows);
  for (std::int64_t b = 0; b < columns; ++b) {
    const std::int64_t length = lengths == nullptr ? positions : std::min<std::int64_t>(lengths[b], positions);
    if (length > 0) std::copy_n(x.data() + rows * (length - 1 + positions * b), rows, kept + rows * b);
  }
}

}  // namespace

RecurrentDecoder::RecurrentDecoder(const Scope& scope, const Options& o)
    : channels(o.channels), feeds(o.feeds), site(scope.new_site()) {
  if (feeds && !o.attention) {
    throw ConfigError(fmt::format("{}: there is no attention whose result could be fed", scope.path()));
  }
  for (std::int64_t i = 0; i < o.layers; ++i) {
    const Scope level = scope / "layers" / std::to_string(i);
    RecurrentLayer layer(level,
                         {.cell = o.cell, .channels = feeds && i == 0 ? 2 * channels : channels, .width = channels});
    levels.push_back({level.path(), std::move(layer), Dropout(level, o.dropout), scope.new_site()});
  }
  if (!o.attention) return;
  cross_attention.emplace(scope / "cross_attention", *o.attention);
  combination.emplace(scope / "combination", Linear::Options{.in = channels, .out = channels, .has_bias = false});
}

// h of the last layer → h̃.
template <Scalar T>
Var<T> RecurrentDecoder::combined(Var<T> h, Var<T> projected, const Mask& mask, const Pass& pass) const {
  if (!cross_attention) return h;
  return tanh(add(cross_attention->of_projected(h, projected, mask, pass), (*combination)(h)));
}

template <Scalar T>
Var<T> RecurrentDecoder::read_at_once(Var<T> x, const std::int32_t* lengths, Var<T>* states, Var<T> projected,
                                      const Mask& mask, const Pass& pass) const {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto& [path, layer, dropout, level_site] = levels[i];
    states[i] = layer(x, lengths, states[i]);
    remember(level_site, states[i], lengths, pass);
    x = pass.shown({path, AttentionRole::none, What::stream, 1}, dropout(layer.hidden(states[i]), pass));
  }
  return combined(x, projected, mask, pass);
}

template <Scalar T>
Var<T> RecurrentDecoder::read_step_by_step(Var<T> x, const std::int32_t* lengths, Var<T>* states, Var<T> projected,
                                           const Mask& mask, const Pass& pass) const {
  Tape<T>& tape = x.tape();
  const Shape shape = x.shape();
  // What dropout multiplies, of all positions at once: an element is dropped by its position.
  const auto depth = std::ssize(levels);
  Var<T>* kept = handles(tape, depth);
  for (std::int64_t i = 0; pass.training && i < depth; ++i) {
    const Dropout& dropout = levels[static_cast<std::size_t>(i)].dropout;
    if (dropout.rate > 0) kept[i] = dropout(filled_with(tape, shape, T(1)), pass);
  }
  Var<T> fed = remembered(tape, site, channels, pass);
  if (!fed) fed = filled_with(tape, {channels, 1, shape.slices}, T(0));
  Var<T>* said = handles(tape, shape.columns);
  for (std::int64_t t = 0; t < shape.columns; ++t) {
    const auto at = [t](Var<T> all) { return slice(all, Axis::columns, t, 1); };
    auto* now = tape.template allocate_as<std::int32_t>(shape.slices);
    for (std::int64_t b = 0; b < shape.slices; ++b) now[b] = lengths == nullptr || t < lengths[b] ? 1 : 0;
    const Var<T> parts[] = {at(x), fed};
    Var<T> h = concatenate<T>(parts, Axis::rows);
    for (std::int64_t i = 0; i < depth; ++i) {
      const auto& [path, layer, dropout, level_site] = levels[static_cast<std::size_t>(i)];
      states[i] = layer(h, now, states[i]);
      remember(level_site, states[i], now, pass);
      h = layer.hidden(states[i]);
      if (kept[i]) h = multiply(h, at(kept[i]));
      h = pass.shown({path, AttentionRole::none, What::stream, 1}, h);
    }
    fed = said[t] = combined(h, projected, mask, pass);
    remember(site, fed, now, pass);
  }
  return concatenate(std::span<const Var<T>>(said, static_cast<std::size_t>(shape.columns)), Axis::columns);
}

template <Scalar T>
Var<T> RecurrentDecoder::operator()(Var<T> x, const std::int32_t* lengths, const Encoded<T>& encoded, const Mask& mask,
                                    const Pass& pass) const {
  Tape<T>& tape = x.tape();
  Var<T>* states = handles(tape, std::ssize(levels));
  for (std::size_t i = 0; i < levels.size(); ++i) {
    states[i] = remembered(tape, levels[i].site, levels[i].layer.state_size(), pass);
    if (!states[i] && !encoded.last.empty()) states[i] = encoded.last[i];
  }
  const Var<T> projected = cross_attention ? cross_attention->project(tape, encoded.columns, pass) : Var<T>{};
  return feeds ? read_step_by_step(x, lengths, states, projected, mask, pass)
               : read_at_once(x, lengths, states, projected, mask, pass);
}

template Var<float> RecurrentDecoder::operator()(Var<float>, const std::int32_t*, const Encoded<float>&, const Mask&,
                                                 const Pass&) const;
template Var<double> RecurrentDecoder::operator()(Var<double>, const std::int32_t*, const Encoded<double>&, const Mask&,
                                                  const Pass&) const;
template Var<std::complex<double>> RecurrentDecoder::operator()(Var<std::complex<double>>, const std::int32_t*,
                                                                const Encoded<std::complex<double>>&, const Mask&,
                                                                const Pass&) const;

LayerSpec layer_spec_recurrent_decoder() {
  std::vector<ProblemCase> cases;
  // Inputs: x, a memory, and the first state of each layer.
  const auto with = [&](const std::string& label, RecurrentDecoder::Options options) {
    options.channels = 6;
    std::vector<InputSpec> inputs{sample_activations(), sample_memory()};
    for (std::int64_t i = 0; i < options.layers; ++i) {
      inputs.push_back({.shape = {6 * find_cell(options.cell).states, 1, 2},
                        .low = -1,
                        .high = 1,
                        .name = "first " + std::to_string(i)});
    }
    cases.push_back(layer_case(
        "recurrent_decoder/" + label, inputs,
        [options](const Scope& scope) { return RecurrentDecoder(scope, options); },
        [](const RecurrentDecoder& layer, auto&, auto x) {
          using T = std::remove_cvref_t<decltype(*x[0].data())>;
          static constexpr std::int32_t kLengths[] = {4, 3};
          return layer(x[0], kLengths, Encoded<T>{x[1], x.subspan(2)}, Mask::padding({.lengths = kSampleLengths}),
                       Pass{.training = true, .seed = 5});
        }));
  };
  const MultiHeadAttention::Options attention{.channels = 6, .memory_channels = 6, .heads = 2};
  MultiHeadAttention::Options additive = attention;
  additive.stages.score = "additive";
  for (const CellSpec& spec : cell_specs()) {
    with(spec.name, {.cell = spec.name, .layers = 2, .dropout = 0.2, .attention = attention});
  }
  with("feeding", {.layers = 2, .dropout = 0.2, .attention = additive, .feeds = true});
  with("feeding_lstm", {.cell = "lstm", .attention = attention, .feeds = true});
  return {"recurrent_decoder", std::move(cases)};
}

}  // namespace tapehead
