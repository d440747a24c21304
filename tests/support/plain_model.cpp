#include "tests/support/plain_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "autograd/base/random.hpp"
#include "layers/attention/stage.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/model.hpp"
#include "tests/support/plain_convolution.hpp"
#include "tests/support/plain_recurrent.hpp"
#include "tests/support/plain_vision.hpp"

namespace tapehead::testing_support {
namespace {

// a · b of dual numbers: without the product of imaginary parts, and without the care for infinities that std takes.
Dual times(const Dual& a, const Dual& b) { return {a.real() * b.real(), a.real() * b.imag() + a.imag() * b.real()}; }

// f(x) of a function that std knows for real numbers alone, to first order.
template <class F, class D>
Dual first_order(Dual x, F f, D slope) {
  return {f(x.real()), x.imag() * slope(x.real())};
}

Dual activated(const std::string& activation, Dual x) {
  if (activation == "relu") return x.real() > 0 ? x : Dual(0);
  if (activation == "silu") return x / (1.0 + std::exp(-x));
  if (activation == "sigmoid") return 1.0 / (1.0 + std::exp(-x));
  if (activation == "tanh") return std::tanh(x);
  if (activation == "gelu_tanh") {
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  }
  if (activation == "gelu") {
    const Dual erf = first_order(
        x / std::numbers::sqrt2, [](double a) { return std::erf(a); },
        [](double a) { return 2 / std::sqrt(std::numbers::pi) * std::exp(-a * a); });
    return 0.5 * x * (1.0 + erf);
  }
  throw std::invalid_argument(activation);
}

double scale_of(const std::string& text, std::int64_t width, std::int64_t channels) {
  if (text == "none") return 1;
  if (text == "inv_dk") return 1 / static_cast<double>(width);
  if (text == "inv_sqrt_dk") return 1 / std::sqrt(static_cast<double>(width));
  if (text == "learned") return 1;  // the heads' own
  if (text == "inv_sqrt_dmodel") return 1 / std::sqrt(static_cast<double>(channels));
  return std::stod(text);
}

double rate_of(const std::string& text, const ModelConfig& config) {
  return text == "same" ? config.dropout : std::stod(text);
}

StageChoices stages_of(const ModelConfig& config) {
  StageChoices stages = config.stages;
  stages.numbers.positions = config.max_positions;
  for (const char* bias : {"alibi", "forgetting", "shaw", "t5", "table"})
    stages.bias = config.positions == bias ? bias : stages.bias;
  return stages;
}

RotaryChoices rotary_of(const ModelConfig& config) {
  RotaryChoices rotary = config.rotary;
  rotary.positions = config.positions == "rotary" ? 1 : 0;
  return rotary;
}

PlainOptions options_of(const ModelConfig& config) {
  const std::int64_t width = config.d_head > 0 ? config.d_head : config.d_model / config.heads;
  const std::int64_t scoring = config.stages.mixing == "differential" ? width / 2 : width;
  return {.heads = config.heads,
          .key_width = width,
          .value_width = config.d_value > 0 ? config.d_value : width,
          .head = config.head,
          .scale = scale_of(config.scale, scoring, config.d_model),
          .learned_scale = config.scale == "learned",
          .stages = stages_of(config),
          .mixer = config.mixer,
          .rotary = rotary_of(config),
          .norm = config.norm,
          .norm_kind = config.norm_kind,
          .activation = config.feed_forward.activation,
          .feed_forward = config.feed_forward.kind,
          .attention_mask = config.attention_mask,
          .residual = config.block.residual,
          .value_residual = config.block.value_residual,
          .dropout = config.dropout,
          .attention_dropout = rate_of(config.drops.attention, config),
          .inner_dropout = rate_of(config.drops.feed_forward, config),
          .epsilon = config.block.norm_epsilon};
}

// The masks of models that tests name.
bool is_seen(const std::string& mask, std::int64_t q, std::int64_t k) {
  if (mask == "window(1)") return q - 1 <= k && k <= q;
  if (mask == "window(1, 1) | prefix(1)") return (q - 1 <= k && k <= q + 1) || k < 1;
  if (mask == "blocks(2)") return q / 2 == k / 2;
  if (mask == "dilated(2)") return (q - k) % 2 == 0;
  if (!mask.empty()) throw std::invalid_argument(mask);
  return true;
}

PlainBlock sum(const PlainBlock& a, const PlainBlock& b) {
  PlainBlock y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += b.values.at(i);
  return y;
}

}  // namespace

const Dual* PlainLayers::parameter(const std::string& name, std::int64_t count) const {
  const ParameterRange* range = layout_.find(name);
  if (range == nullptr) throw std::invalid_argument("no parameter is called " + name);
  if (range->shape.size() != count) throw std::out_of_range(name);
  return values_.data() + range->offset;
}

PlainBlock PlainLayers::linear(const std::string& path, const PlainBlock& x, const std::string& table) const {
  const std::string of_weight = table.empty() ? path + ".weight" : table;
  const std::int64_t out = layout_.find(of_weight)->shape.columns;
  const Dual* bias = layout_.find(path + ".bias") == nullptr ? nullptr : parameter(path + ".bias", out);
  const Dual* weight = parameter(of_weight, x.rows * out);
  PlainBlock y = PlainBlock::zeros(out, x.columns, x.slices);
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      for (std::int64_t o = 0; o < out; ++o) {
        Dual total = bias == nullptr ? 0 : bias[o];
        for (std::int64_t i = 0; i < x.rows; ++i) total += times(weight[i + o * x.rows], x(i, c, s));
        y(o, c, s) = total;
      }
    }
  }
  return y;
}

PlainBlock PlainLayers::norm(const std::string& path, const PlainBlock& x) const {
  const bool centred = options_.norm_kind == "layer";
  PlainBlock y = x;
  const auto count = static_cast<double>(x.rows);
  const Dual* gain = parameter(path + ".gain", x.rows);
  const bool has_bias = layout_.find(path + ".bias") != nullptr;
  const Dual* bias = has_bias ? parameter(path + ".bias", x.rows) : nullptr;
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      Dual mean = 0;
      for (std::int64_t i = 0; centred && i < x.rows; ++i) mean += x(i, c, s) / count;
      Dual square = 0;
      for (std::int64_t i = 0; i < x.rows; ++i) square += (x(i, c, s) - mean) * (x(i, c, s) - mean) / count;
      for (std::int64_t i = 0; i < x.rows; ++i) {
        y(i, c, s) = gain[i] * (x(i, c, s) - mean) / std::sqrt(square + options_.epsilon);
        if (has_bias) y(i, c, s) += bias[i];
      }
    }
  }
  return y;
}

namespace {

// Whether the element at these coordinates is kept.
bool kept(const Pass& pass, double rate, std::uint32_t site, std::int64_t example, std::int64_t position,
          std::int64_t element, std::int64_t block) {
  const RandomStream random(pass.seed, Purpose::dropout, pass.step, site);
  const auto words =
      random.bits(static_cast<std::uint32_t>(pass.first_example + example), static_cast<std::uint32_t>(position),
                  static_cast<std::uint32_t>(element / 4), static_cast<std::uint32_t>(block));
  return static_cast<double>(words.at(static_cast<std::size_t>(element % 4))) >= std::floor(rate * 4294967296.0);
}

}  // namespace

PlainBlock PlainLayers::dropped(const PlainBlock& x, std::uint32_t site, double rate) const {
  if (!pass_.training || rate == 0) return x;
  PlainBlock y = x;
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      for (std::int64_t i = 0; i < x.rows; ++i) {
        y(i, c, s) = kept(pass_, rate, site, s, c, i, 0) ? x(i, c, s) / (1 - rate) : Dual(0);
      }
    }
  }
  return y;
}

namespace {

// Each pair of channels of each `width` rows as the two coordinates of a point.
PlainBlock rotated(const PlainBlock& x, std::int64_t width, const RotaryChoices& how) {
  PlainBlock y = x;
  const auto channels = static_cast<std::int64_t>(how.share * static_cast<double>(width)) / 2 * 2;
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t t = 0; t < x.columns; ++t) {
      for (std::int64_t first = 0; first < x.rows; first += width) {
        for (std::int64_t i = 0; i < channels / 2; ++i) {
          const double angle =
              static_cast<double>(t) / std::pow(how.base, 2.0 * static_cast<double>(i) / static_cast<double>(channels));
          const std::int64_t one = first + (how.layout == "pairs" ? 2 * i : i);
          const std::int64_t other = one + (how.layout == "pairs" ? 1 : channels / 2);
          y(one, t, s) = std::cos(angle) * x(one, t, s) - std::sin(angle) * x(other, t, s);
          y(other, t, s) = std::sin(angle) * x(one, t, s) + std::cos(angle) * x(other, t, s);
        }
      }
    }
  }
  return y;
}

// The numbers of each slice, row by row of (heads, columns, width), as if that were what they are; `back` is the way
// from such heads to channels.
PlainBlock reread(const PlainBlock& x, std::int64_t width, bool back) {
  PlainBlock y = PlainBlock::zeros(x.rows, x.columns, x.slices);
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t i = 0; i < x.rows * x.columns; ++i) {
      const std::int64_t head = i / (width * x.columns);
      const std::int64_t row = head * width + i % width;
      const std::int64_t column = i / width % x.columns;
      if (back) y(i % x.rows, i / x.rows, s) = x(row, column, s);
      if (!back) y(row, column, s) = x(i % x.rows, i / x.rows, s);
    }
  }
  return y;
}

}  // namespace

PlainBlock PlainLayers::mixed_values(const std::string& path, PlainBlock own, PlainBlock* first) const {
  if (first == nullptr) return own;
  if (first->rows == 0) return *first = own;
  const bool learned = options_.value_residual == "learned";
  const Dual of_own = learned ? *parameter(path + ".value_residual.own", 1) : Dual(0.5);
  const Dual of_first = learned ? *parameter(path + ".value_residual.first", 1) : Dual(0.5);
  for (std::size_t i = 0; i < own.values.size(); ++i) {
    own.values[i] = times(of_own, own.values[i]) + times(of_first, first->values.at(i));
  }
  return own;
}

PlainLayers::Projected PlainLayers::projected(const std::string& path, const PlainBlock& x, const PlainBlock& memory,
                                              const PlainBlock& of_values, PlainBlock* first_values) const {
  const auto& o = options_;
  const bool cross = path.ends_with("cross_attention");
  const bool turns = o.rotary.positions > 0 && !cross;
  const std::int64_t scoring = o.stages.mixing == "differential" ? o.key_width / 2 : o.key_width;
  Projected all{linear(path + ".query", x), linear(path + ".key", memory), linear(path + ".value", of_values), {}};
  all.value = mixed_values(path, std::move(all.value), first_values);
  if (turns) {
    all.query = rotated(all.query, scoring, o.rotary);
    all.key = rotated(all.key, scoring, o.rotary);
  }
  if (o.head.split == "reshape") {
    all.query = reread(all.query, o.key_width, false);
    all.key = reread(all.key, o.key_width, false);
    all.value = reread(all.value, o.value_width, false);
  }
  if (o.stages.bias == "forgetting" && !cross) all.of_keys = linear(path + ".forget", memory);
  return all;
}

std::vector<const Dual*> PlainLayers::stage_parameters(const std::string& path, StageKind kind) const {
  std::vector<const Dual*> parameters;
  const std::string prefix = path + "." + name_of(kind) + ".";
  for (const ParameterRange& range : layout_.ranges()) {
    if (range.name.starts_with(prefix)) parameters.push_back(values_.data() + range.offset);
  }
  return parameters;
}

std::vector<std::vector<Dual>> PlainLayers::plain_weights(const std::string& path, const Projected& in,
                                                          const PlainMask& mask, std::int64_t s, std::int64_t q) const {
  const auto& o = options_;
  const std::int64_t parts = o.stages.mixing == "differential" ? 2 : 1;
  const std::int64_t width = o.key_width / parts;
  const std::int64_t shared = o.head.key_heads > 0 ? o.heads / o.head.key_heads : 1;
  bool sees_behind = false;
  for (std::int64_t other = 0; other < in.query.columns; ++other) {
    for (std::int64_t k = other + 1; k < in.key.columns; ++k) {
      for (std::int64_t b = 0; b < in.query.slices; ++b) sees_behind |= mask(other, k, b);
    }
  }
  std::vector<PlainStage> stages;
  for (std::int64_t g = 0; g < parts * o.heads; ++g) {
    PlainStage& at = stages.emplace_back(PlainStage{.sizes = {parts * o.heads, width, o.value_width},
                                                    .head = g,
                                                    .query_position = q,
                                                    .numbers = o.stages.numbers,
                                                    .scale = o.scale,
                                                    .both_ways = sees_behind});
    for (std::int64_t d = 0; d < width; ++d) at.query.push_back(in.query(g * width + d, q, s));
    const std::int64_t of_key = (g / parts / shared) * parts + g % parts;
    for (std::int64_t k = 0; k < in.key.columns; ++k) {
      auto& vector = at.keys.emplace_back();
      for (std::int64_t d = 0; d < width; ++d) vector.push_back(in.key(of_key * width + d, k, s));
      at.allowed.push_back(mask(q, k, s));
      if (in.of_keys.rows > 0) at.of_keys.push_back(in.of_keys(g, k, s));
    }
  }
  const auto by = [&](StageKind kind, const std::string& name, PlainStage& at, std::vector<Dual> scores) {
    at.parameters = stage_parameters(path, kind);
    return find_stage(kind, name).plain(at, std::move(scores));
  };
  const auto mixed = [&](bool after, std::vector<std::vector<Dual>> heads) {
    if (o.stages.mixing == "none") return heads;
    stages[0].parameters = stage_parameters(path, StageKind::mixing);
    return find_stage(StageKind::mixing, o.stages.mixing).plain_heads(stages[0], after, std::move(heads));
  };

  std::vector<std::vector<Dual>> heads;
  for (PlainStage& at : stages) {
    const bool dot = o.stages.score == "dot";
    Dual scale = o.learned_scale ? parameter(path + ".scale", parts * o.heads)[at.head] : Dual(o.scale);
    if (o.learned_scale && dot) {  // it is one of queries, whatever else these are multiplied with
      for (Dual& each : at.query) each = times(each, scale);
      scale = at.scale = 1;
    }
    std::vector<Dual>& scores = heads.emplace_back(at.keys.size());
    if (!dot) scores = by(StageKind::score, o.stages.score, at, scores);
    for (std::size_t k = 0; k < at.keys.size() && dot; ++k) {
      for (std::size_t d = 0; d < at.query.size(); ++d) scores[k] += times(at.query[d], at.keys[k][d]);
    }
    for (Dual& score : scores) score = o.stages.score == "additive" ? score : times(score, scale);
    if (const double cap = o.stages.cap; cap > 0) {
      for (Dual& score : scores) score = cap * std::tanh(score / cap);
    }
  }
  heads = mixed(false, std::move(heads));
  for (std::size_t g = 0; g < heads.size(); ++g) {
    PlainStage& at = stages[g];
    std::vector<Dual>& weights = heads[g];
    if (o.stages.bias != "none" && !path.ends_with("cross_attention"))
      weights = by(StageKind::bias, o.stages.bias, at, weights);
    if (o.stages.normalizer != "softmax") {
      weights = by(StageKind::normalizer, o.stages.normalizer, at, weights);
      continue;
    }
    double largest = -HUGE_VAL;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (at.allowed[k]) largest = std::max(largest, weights[k].real());
    }
    Dual total = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) total += at.allowed[k] ? std::exp(weights[k] - largest) : Dual(0);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      weights[k] = at.allowed[k] ? std::exp(weights[k] - largest) / total : Dual(0);
    }
  }
  return mixed(true, std::move(heads));
}

PlainBlock PlainLayers::attention(const std::string& path, const PlainBlock& x, const PlainBlock& memory,
                                  const PlainMask& mask, std::uint32_t site, PlainBlock* first_values,
                                  const PlainBlock* of_values) const {
  const auto& o = options_;
  const Projected in = projected(path, x, memory, of_values != nullptr ? *of_values : memory, first_values);
  const std::int64_t shared = o.head.key_heads > 0 ? o.heads / o.head.key_heads : 1;
  PlainBlock context = PlainBlock::zeros(o.heads * o.value_width, x.columns, x.slices);
  for (std::int64_t s = 0; s < x.slices; ++s) {
    for (std::int64_t q = 0; q < x.columns; ++q) {
      const std::vector<std::vector<Dual>> weights = plain_weights(path, in, mask, s, q);
      for (std::int64_t h = 0; h < o.heads; ++h) {
        std::vector<Dual> own(static_cast<std::size_t>(o.value_width));
        for (std::int64_t k = 0; k < memory.columns; ++k) {
          if (!mask(q, k, s)) continue;
          Dual weight = weights.at(static_cast<std::size_t>(h)).at(static_cast<std::size_t>(k));
          if (const double rate = o.attention_dropout; pass_.training && rate > 0) {
            weight = kept(pass_, rate, site, s, q, k, h) ? weight / (1 - rate) : Dual(0);
          }
          for (std::int64_t d = 0; d < o.value_width; ++d) {
            own[static_cast<std::size_t>(d)] += times(weight, in.value(h / shared * o.value_width + d, k, s));
          }
        }
        if (o.stages.gate != "none") {
          const PlainStage at{.sizes = {o.heads, o.key_width, o.value_width},
                              .head = h,
                              .parameters = stage_parameters(path, StageKind::gate)};
          own = find_stage(StageKind::gate, o.stages.gate).plain(at, std::move(own));
        }
        for (std::int64_t d = 0; d < o.value_width; ++d)
          context(h * o.value_width + d, q, s) = own[static_cast<std::size_t>(d)];
      }
    }
  }
  return linear(path + ".output", o.head.split == "reshape" ? reread(context, o.value_width, true) : context);
}

namespace {

bool sees_behind(const PlainMask& mask, const PlainBlock& x) {
  for (std::int64_t b = 0; b < x.slices; ++b) {
    for (std::int64_t q = 0; q < x.columns; ++q) {
      for (std::int64_t k = q + 1; k < x.columns; ++k) {
        if (mask(q, k, b)) return true;
      }
    }
  }
  return false;
}

}  // namespace

PlainBlock PlainLayers::mixer(const std::string& path, const PlainBlock& x, const PlainMask& mask) const {
  PlainOptions o = options_;
  const MixerSpec& spec = find_mixer(o.mixer);
  const bool projects = spec.reads != MixerReads::stream;
  const bool queries = spec.reads == MixerReads::queries;
  if (!projects) o.heads = 1, o.value_width = x.rows;
  const PlainBlock nothing = PlainBlock::zeros(0, x.columns, x.slices);
  const auto turned = [&](const PlainBlock& block) {
    return o.rotary.positions > 0 ? rotated(block, o.key_width, o.rotary) : block;
  };
  const PlainBlock query = queries ? turned(linear(path + ".query", x)) : nothing;
  const PlainBlock key = queries ? turned(linear(path + ".key", x)) : nothing;
  const PlainBlock value = projects ? linear(path + ".value", x) : x;
  const PlainBlock gate = spec.gates != nullptr ? linear(path + ".gate", x) : nothing;
  const bool causal = !sees_behind(mask, x);
  PlainBlock context = PlainBlock::zeros(o.heads * o.value_width, x.columns, x.slices);
  for (std::int64_t s = 0; s < x.slices; ++s) {
    std::int64_t length = 0;
    while (length < x.columns && mask(x.columns - 1, length, s)) ++length;
    for (std::int64_t h = 0; h < o.heads; ++h) {
      const auto columns = [&](const PlainBlock& block, std::int64_t count, bool backwards) {
        PlainMixer::Columns all;
        const std::int64_t width = block.rows / o.heads;
        for (std::int64_t t = 0; t < count; ++t) {
          auto& column = all.emplace_back();
          for (std::int64_t d = 0; d < width; ++d)
            column.push_back(block(h * width + d, backwards ? count - 1 - t : t, s));
        }
        return all;
      };
      for (const bool backwards : {false, true}) {
        if (backwards && (causal || spec.symmetric)) continue;
        const bool all = !causal && spec.symmetric;
        const std::int64_t answered = all ? x.columns : length;
        const auto contexts = spec.plain({.head = h,
                                          .scale = 1 / std::sqrt(static_cast<double>(o.key_width)),
                                          .both_ways = all,
                                          .answers = static_cast<std::size_t>(answered),
                                          .value_width = static_cast<std::size_t>(o.value_width),
                                          .query = columns(query, answered, backwards),
                                          .key = columns(key, length, backwards),
                                          .value = columns(value, length, backwards),
                                          .gate = columns(gate, length, backwards)});
        for (std::int64_t t = 0; t < answered; ++t) {
          for (std::int64_t d = 0; d < o.value_width; ++d) {
            context(h * o.value_width + d, backwards ? length - 1 - t : t, s) +=
                contexts.at(static_cast<std::size_t>(t)).at(static_cast<std::size_t>(d));
          }
        }
      }
      for (std::int64_t t = 0; t < x.columns && !spec.averages; ++t) {
        Dual square = 1e-6;
        for (std::int64_t d = 0; d < o.value_width; ++d)
          square += times(context(h * o.value_width + d, t, s), context(h * o.value_width + d, t, s));
        for (std::int64_t d = 0; d < o.value_width; ++d) {
          context(h * o.value_width + d, t, s) *= std::sqrt(static_cast<double>(o.value_width)) / std::sqrt(square);
        }
      }
    }
  }
  return projects ? linear(path + ".output", context) : context;
}

PlainBlock PlainLayers::self_mixed(const std::string& path, const PlainBlock& x, const PlainMask& mask,
                                   std::uint32_t site, PlainBlock* first_values) const {
  const std::string part = path + "." + self_mixer();
  const PlainMask seen = [&](std::int64_t q, std::int64_t k, std::int64_t b) {
    return mask(q, k, b) && is_seen(options_.attention_mask, q, k);
  };
  return options_.mixer == "attention" ? attention(part, x, x, seen, site, first_values) : mixer(part, x, mask);
}

PlainBlock PlainLayers::feed_forward(const std::string& path, const PlainBlock& x, std::uint32_t site) const {
  const bool gated = options_.feed_forward == "gated";
  PlainBlock inner = linear(path + (gated ? ".gate" : ".inner"), x);
  for (Dual& value : inner.values) value = activated(options_.activation, value);
  if (gated) {
    const PlainBlock other = linear(path + ".inner", x);
    for (std::size_t i = 0; i < inner.values.size(); ++i) inner.values[i] = times(inner.values[i], other.values[i]);
  }
  return linear(path + ".outer", dropped(inner, site, options_.inner_dropout));
}

PlainBlock PlainLayers::residual(const std::string& part, const PlainBlock& x, std::uint32_t site,
                                 const std::function<PlainBlock(const PlainBlock&)>& f) const {
  const std::string name = part.ends_with(".") ? part : part + "_";
  if (options_.norm == "none") return sum(x, dropped(f(x), site));
  if (options_.norm == "post") return norm(name + "norm", sum(x, dropped(f(x), site)));
  PlainBlock y = f(norm(name + "norm", x));
  if (options_.norm == "both") y = norm(name + "after_norm", y);
  return sum(x, dropped(y, site));
}

PlainBlock PlainLayers::encoder_layer(const std::string& path, PlainBlock x, const PlainMask& mask, std::uint32_t site,
                                      PlainBlock* first_values) const {
  const bool feeds = options_.feed_forward != "none";
  const auto heard = [&](const PlainBlock& h) { return self_mixed(path, h, mask, site, first_values); };
  const auto fed = [&](const PlainBlock& h) { return feed_forward(path + ".feed_forward", h, site + 2); };
  if (options_.residual == "parallel") {
    return residual(path + ".", x, site + 1,
                    [&](const PlainBlock& h) { return feeds ? sum(heard(h), fed(h)) : heard(h); });
  }
  x = residual(path + "." + self_mixer(), x, site + 1, heard);
  return feeds ? residual(path + ".feed_forward", x, site + 3, fed) : x;
}

PlainBlock PlainLayers::decoder_layer(const std::string& path, PlainBlock x, const PlainBlock& memory,
                                      const PlainMask& self_mask, const PlainMask& memory_mask, std::uint32_t site,
                                      PlainBlock* first_values) const {
  const bool feeds = options_.feed_forward != "none";
  const bool parallel = options_.residual == "parallel";
  const auto heard = [&](const PlainBlock& h) { return self_mixed(path, h, self_mask, site, first_values); };
  const auto asked = [&](const PlainBlock& h) {
    return attention(path + ".cross_attention", h, memory, memory_mask, site + 2);
  };
  const auto fed = [&](const PlainBlock& h) {
    return feed_forward(path + ".feed_forward", h, site + (parallel ? 3 : 4));
  };
  if (parallel) {
    return residual(path + ".", x, site + 1, [&](const PlainBlock& h) {
      const PlainBlock both = sum(heard(h), asked(h));
      return feeds ? sum(both, fed(h)) : both;
    });
  }
  x = residual(path + "." + self_mixer(), x, site + 1, heard);
  x = residual(path + ".cross_attention", x, site + 3, asked);
  return feeds ? residual(path + ".feed_forward", x, site + 5, fed) : x;
}

PlainModel::PlainModel(const ModelConfig& config, const ParameterLayout& layout, std::vector<Dual> values,
                       const Pass& pass)
    : config_(config),
      layers_(layout, values, options_of(config), pass),
      undropped_(layout, std::move(values), options_of(config), {}),
      pass_(pass) {
  if (model_spec(config.model).kind == ModelKind::recurrent) config_.positions = "none";
}

PlainBlock PlainModel::embedded(const std::string& path, const std::string& table, std::int64_t vocabulary,
                                const TokenView& ids, std::uint32_t site) const {
  const std::int64_t channels = config_.d_model;
  const bool plain =
      config_.embedding_scale == "none" || (config_.embedding_scale == "auto" && config_.initialisation == "normal");
  const double factor = plain ? 1 : std::sqrt(static_cast<double>(channels));
  const Dual* vectors = layers_.parameter(table, channels * vocabulary);
  const bool learned = config_.positions == "learned";
  const Dual* places =
      learned ? layers_.parameter(path + ".positions.weight", channels * config_.max_positions) : nullptr;
  PlainBlock x = PlainBlock::zeros(channels, ids.positions, ids.examples);
  for (std::int64_t b = 0; b < ids.examples; ++b) {
    for (std::int64_t t = 0; t < ids.positions; ++t) {
      for (std::int64_t c = 0; c < channels; ++c) {
        Dual& at = x(c, t, b) = factor * vectors[c + channels * ids(t, b)];
        const double angle =
            static_cast<double>(t) / std::pow(10000.0, static_cast<double>(c - c % 2) / static_cast<double>(channels));
        if (config_.positions == "sinusoidal") at += c % 2 == 0 ? std::sin(angle) : std::cos(angle);
        if (learned) at += places[c + channels * t];
      }
    }
  }
  if (config_.block.embedding_norm == "yes") x = layers_.norm(path + ".norm", x);
  return layers_.dropped(x, site);
}

PlainBlock PlainModel::through(const std::string& stack, PlainBlock x, std::uint32_t& site, std::int64_t sites_of_layer,
                               const PlainLayer& layer) const {
  const BlockChoices& block = config_.block;
  const std::int64_t distinct = block.distinct_layers > 0 ? block.distinct_layers : config_.layers;
  const std::uint32_t own_site = site + static_cast<std::uint32_t>(sites_of_layer * config_.layers);
  const RandomStream random(pass_.seed, Purpose::dropout, pass_.step, own_site);
  PlainBlock first_values;
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    const bool left_out = pass_.training && random.uniform(static_cast<std::uint32_t>(i)) < block.layer_drop;
    if (!left_out) {
      x = layer(stack + ".layers." + std::to_string(i % distinct), x, site,
                block.value_residual != "none" ? &first_values : nullptr);
    }
    site += static_cast<std::uint32_t>(sites_of_layer);
  }
  if (block.layer_drop > 0) ++site;
  if (config_.norm == "none" || block.final_norm == "no") return x;
  return layers_.norm(stack + ".norm", x);
}

PlainBlock PlainModel::logits(const TokenView& source, const TokenView& input) const {
  const PlainMask causal = [](std::int64_t q, std::int64_t k, std::int64_t) { return k <= q; };
  const PlainMask present = [&](std::int64_t, std::int64_t k, std::int64_t b) { return k < source.lengths[b]; };
  // Dropouts of a layer: of each attention's weights, inside the feed-forward part, and of each sum.
  const bool feeds = config_.feed_forward.kind != "none";
  const bool parallel = config_.block.residual == "parallel";
  const std::int64_t of_encoder = (feeds ? 2 : 1) + (parallel ? 1 : feeds ? 2 : 1);
  const std::int64_t of_decoder = (feeds ? 3 : 2) + (parallel ? 1 : feeds ? 3 : 2);
  const auto encoding = [&](const PlainMask& mask) -> PlainLayer {
    return [&](const std::string& path, const PlainBlock& in, std::uint32_t site, PlainBlock* first_values) {
      return layers_.encoder_layer(path, in, mask, site, first_values);
    };
  };
  PlainBlock x;
  std::string table = "embedding.weight";
  std::uint32_t site = 1;
  if (config_.model == "vision") {
    x = layers_.dropped(plain_patches(config_, layers_, features_), 0);
    const PlainMask all = [](std::int64_t, std::int64_t, std::int64_t) { return true; };
    x = through("encoder", x, site, of_encoder, encoding(all));
    return layers_.linear("output", plain_pooled(x, config_.pooling));
  }
  const PlainRecurrent recurrent(config_, layers_, undropped_);
  if (config_.model == "rnn_decoder") {
    x = recurrent.decoder(embedded("embedding", table, config_.target_vocabulary, input, 0), input.lengths, 1);
    return layers_.linear("output", x, config_.tie == "none" ? "" : table);
  }
  if (config_.model.starts_with("rnn")) {
    table = config_.tie == "all" ? "source_embedding.weight" : "target_embedding.weight";
    x = recurrent.both(embedded("source_embedding", "source_embedding.weight", config_.source_vocabulary, source, 0),
                       source.lengths, embedded("target_embedding", table, config_.target_vocabulary, input, 1),
                       input.lengths, 2);
    return layers_.linear("output", x, config_.tie == "none" ? "" : table);
  }
  const PlainConvolution convolution(config_, layers_, undropped_);
  if (config_.model == "convolution_decoder") {
    x = convolution.decoder(embedded("embedding", table, config_.target_vocabulary, input, 0), nullptr, nullptr,
                            nullptr, 1);
    return layers_.linear("output", x, config_.tie == "none" ? "" : table);
  }
  if (config_.model == "convolution") {
    table = config_.tie == "all" ? "source_embedding.weight" : "target_embedding.weight";
    const PlainBlock tokens =
        embedded("source_embedding", "source_embedding.weight", config_.source_vocabulary, source, 0);
    const PlainBlock memory = convolution.encoded(tokens, source.lengths, 2);
    x = convolution.decoder(embedded("target_embedding", table, config_.target_vocabulary, input, 1), &tokens, &memory,
                            source.lengths, static_cast<std::uint32_t>(2 + 2 * config_.layers));
    return layers_.linear("output", x, config_.tie == "none" ? "" : table);
  }
  if (config_.model == "decoder") {
    x = embedded("embedding", table, config_.target_vocabulary, input, 0);
    x = through("decoder", x, site, of_encoder, encoding(causal));
  } else if (config_.model == "encoder") {
    x = embedded("embedding", table, config_.source_vocabulary, source, 0);
    x = through("encoder", x, site, of_encoder, encoding(present));
  } else {
    table = config_.tie == "all" ? "source_embedding.weight" : "target_embedding.weight";
    site = 2;
    PlainBlock memory = embedded("source_embedding", "source_embedding.weight", config_.source_vocabulary, source, 0);
    memory = through("encoder", memory, site, of_encoder, encoding(present));
    x = embedded("target_embedding", table, config_.target_vocabulary, input, 1);
    x = through("decoder", x, site, of_decoder,
                [&](const std::string& path, const PlainBlock& in, std::uint32_t own, PlainBlock* first_values) {
                  return layers_.decoder_layer(path, in, memory, causal, present, own, first_values);
                });
  }
  return layers_.linear("output", x, config_.tie == "none" ? "" : table);
}

Dual PlainModel::loss(const TokenView& source, const TokenView& input, const TokenView& expected,
                      double smoothing) const {
  const PlainBlock z = logits(source, input);
  Dual total = 0;
  double counted = 0;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      if (expected(t, b) == kPadding) continue;
      ++counted;
      double largest = -HUGE_VAL;
      for (std::int64_t v = 0; v < z.rows; ++v) largest = std::max(largest, z(v, t, b).real());
      Dual exponentials = 0;
      for (std::int64_t v = 0; v < z.rows; ++v) exponentials += std::exp(z(v, t, b) - largest);
      for (std::int64_t v = 0; v < z.rows; ++v) {
        const double share = (v == expected(t, b) ? 1 - smoothing : 0) + smoothing / static_cast<double>(z.rows);
        total -= share * (z(v, t, b) - largest - std::log(exponentials));
      }
    }
  }
  return total / counted;
}

std::vector<double> named_values(const ParameterLayout& layout) {
  std::vector<double> values(static_cast<std::size_t>(layout.flat_size()));
  for (const ParameterRange& range : layout.ranges()) {
    std::uint64_t hash = 1469598103934665603U;
    for (const char c : range.name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    const RandomStream random(hash, Purpose::test);
    for (std::int64_t i = 0; i < range.shape.size(); ++i) {
      values.at(static_cast<std::size_t>(range.offset + i)) = 2 * random.uniform(static_cast<std::uint32_t>(i)) - 1;
    }
  }
  return values;
}

std::vector<Dual> dual(const std::vector<double>& values, const std::vector<double>& directions) {
  std::vector<Dual> numbers(values.begin(), values.end());
  for (std::size_t i = 0; i < directions.size(); ++i) numbers.at(i) += Dual(0, kDualStep * directions[i]);
  return numbers;
}

}  // namespace tapehead::testing_support
