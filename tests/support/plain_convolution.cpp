#include "tests/support/plain_convolution.hpp"

#include <cmath>

namespace tapehead::testing_support {
namespace {

PlainBlock sum(const PlainBlock& a, const PlainBlock& b, double factor = 1) {
  PlainBlock y = a;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = factor * (y.values[i] + b.values.at(i));
  return y;
}

const double kHalf = std::sqrt(0.5);

}  // namespace

PlainBlock PlainConvolution::convolved(const std::string& path, const PlainBlock& whole, std::int64_t left,
                                       const std::int32_t* lengths, std::uint32_t site) const {
  const PlainBlock x = layers_.dropped(whole, site);
  const std::int64_t width = config_.convolution.width;
  PlainBlock around = PlainBlock::zeros(width * x.rows, x.columns, x.slices);
  for (std::int64_t b = 0; b < x.slices; ++b) {
    const std::int64_t end = lengths == nullptr ? x.columns : lengths[b];
    for (std::int64_t t = 0; t < x.columns; ++t) {
      for (std::int64_t i = 0; i < width * x.rows; ++i) {
        const std::int64_t from = t - left + i / x.rows;
        if (from >= 0 && from < end) around(i, t, b) = x(i % x.rows, from, b);
      }
    }
  }
  PlainBlock y = layers_.linear(path + ".inner", around);
  const PlainBlock gate = layers_.linear(path + ".gate", around);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] /= 1.0 + std::exp(-gate.values[i]);
  return y;
}

PlainBlock PlainConvolution::encoded(const PlainBlock& embedded, const std::int32_t* lengths,
                                     std::uint32_t site) const {
  PlainBlock x = embedded;
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    const std::string path = "encoder.layers." + std::to_string(i);
    const std::int64_t left = (config_.convolution.width - 1) / 2;
    x = sum(x, convolved(path, x, left, lengths, site + 2 * static_cast<std::uint32_t>(i)), kHalf);
  }
  return x;
}

PlainBlock PlainConvolution::decoder(const PlainBlock& embedded, const PlainBlock* source, const PlainBlock* memory,
                                     const std::int32_t* memory_lengths, std::uint32_t site) const {
  PlainBlock values;  // (z + e) √½, and the context of m of them is m √(1/m) times as large
  if (memory != nullptr) values = sum(*memory, *source, kHalf);
  for (std::int64_t b = 0; b < values.slices; ++b) {
    for (std::int64_t i = 0; i < values.rows * values.columns; ++i) {
      const auto m = static_cast<double>(memory_lengths[b]);
      values.values.at(static_cast<std::size_t>(i + values.rows * values.columns * b)) *= m * std::sqrt(1 / m);
    }
  }
  const PlainMask present = [&](std::int64_t, std::int64_t k, std::int64_t b) { return k < memory_lengths[b]; };
  const std::uint32_t sites = memory == nullptr ? 2 : 3;  // of the attention too
  PlainBlock x = embedded;
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    const std::string path = "decoder.layers." + std::to_string(i);
    PlainBlock y =
        convolved(path, x, config_.convolution.width - 1, nullptr, site + sites * static_cast<std::uint32_t>(i));
    if (memory != nullptr) {
      const PlainBlock context =
          attention_.attention(path + ".cross_attention", sum(y, embedded), *memory, present, 0, nullptr, &values);
      y = sum(y, context, kHalf);
    }
    x = sum(x, y, kHalf);
  }
  return x;
}

}  // namespace tapehead::testing_support
