#include "tests/support/plain_vision.hpp"

#include <cmath>

namespace tapehead::testing_support {
namespace {

double wave(std::int64_t place, std::int64_t c, std::int64_t channels) {
  const double angle =
      static_cast<double>(place) / std::pow(10000.0, static_cast<double>(c - c % 2) / static_cast<double>(channels));
  return c % 2 == 0 ? std::sin(angle) : std::cos(angle);
}

}  // namespace

PlainBlock plain_patches(const ModelConfig& config, const PlainLayers& layers, const FeatureView& features) {
  const std::int64_t channels = config.d_model;
  const std::int64_t before = config.pooling == "first" ? 1 : 0;
  const std::int64_t positions = features.positions + before;
  const Dual* weight = layers.parameter("embedding.projection.weight", features.channels * channels);
  const Dual* bias = layers.parameter("embedding.projection.bias", channels);
  const Dual* token = before == 1 ? layers.parameter("embedding.class_token", channels) : nullptr;
  const bool learned = config.positions == "learned";
  const Dual* places = learned ? layers.parameter("embedding.positions.weight", channels * positions) : nullptr;
  PlainBlock x = PlainBlock::zeros(channels, positions, features.examples);
  for (std::int64_t b = 0; b < features.examples; ++b) {
    for (std::int64_t t = 0; t < positions; ++t) {
      const std::int64_t patch = t - before;
      for (std::int64_t c = 0; c < channels; ++c) {
        Dual& at = x(c, t, b);
        if (patch < 0) {
          at = token[c];
        } else {
          at = bias[c];
          for (std::int64_t f = 0; f < features.channels; ++f) {
            at += weight[f + features.channels * c] * static_cast<double>(features(f, patch, b));
          }
        }
        if (learned) at += places[c + channels * t];
        if (config.positions == "sinusoidal") at += wave(t, c, channels);
        if (config.positions == "sinusoidal_2d" && patch >= 0) {
          const std::int64_t row = patch / config.features.columns;
          const std::int64_t column = patch - row * config.features.columns;
          const std::int64_t half = channels / 2;
          at += c < half ? wave(row, c, half) : wave(column, c - half, half);
        }
      }
    }
  }
  return config.block.embedding_norm == "yes" ? layers.norm("embedding.norm", x) : x;
}

PlainBlock plain_pooled(const PlainBlock& x, const std::string& pooling) {
  PlainBlock y = PlainBlock::zeros(x.rows, 1, x.slices);
  const std::int64_t taken = pooling == "first" ? 1 : x.columns;
  for (std::int64_t b = 0; b < x.slices; ++b) {
    for (std::int64_t c = 0; c < x.rows; ++c) {
      for (std::int64_t t = 0; t < taken; ++t) y(c, 0, b) += x(c, t, b) / static_cast<double>(taken);
    }
  }
  return y;
}

}  // namespace tapehead::testing_support
