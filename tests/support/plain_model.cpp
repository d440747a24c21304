#include "tests/support/plain_model.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/base/random.hpp"
#include "layers/attention/stage.hpp"
#include "layers/models/model.hpp"
#include "tests/support/plain_convolution.hpp"
#include "tests/support/plain_recurrent.hpp"
#include "tests/support/plain_vision.hpp"

namespace tapehead::testing_support {
namespace {

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

}  // namespace

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
