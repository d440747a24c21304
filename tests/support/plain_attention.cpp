#include <algorithm>
#include <cmath>

#include "layers/attention/stage.hpp"
#include "layers/mixers/mixer.hpp"
#include "tests/support/plain_model.hpp"
#include "tests/support/plain_numbers.hpp"

namespace tapehead::testing_support {

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

}  // namespace tapehead::testing_support
