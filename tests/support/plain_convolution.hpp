#pragma once

#include "tests/support/plain_model.hpp"

namespace tapehead::testing_support {

/// Convolutional encoders and decoders once more, in plain loops, as PlainLayers does it for layers of attention.
class PlainConvolution {
 public:
  /// `layers` drops what convolutions read; `attention` does the rest of the model, and drops nothing.
  PlainConvolution(const ModelConfig& config, const PlainLayers& layers, const PlainLayers& attention)
      : config_(config), layers_(layers), attention_(attention) {}

  /// What an encoder says of x (C, S, B). Takes its sites from `site` on.
  PlainBlock encoded(const PlainBlock& x, const std::int32_t* lengths, std::uint32_t site) const;
  /// What a decoder says of x, with attention to a source and what the encoder said of it, or without: nullptr.
  PlainBlock decoder(const PlainBlock& x, const PlainBlock* source, const PlainBlock* memory,
                     const std::int32_t* memory_lengths, std::uint32_t site) const;

 private:
  PlainBlock convolved(const std::string& path, const PlainBlock& x, std::int64_t left, const std::int32_t* lengths,
                       std::uint32_t site) const;

  const ModelConfig& config_;
  const PlainLayers& layers_;
  const PlainLayers& attention_;
};

}  // namespace tapehead::testing_support
