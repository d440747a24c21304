#pragma once

#include "tests/support/plain_model.hpp"

namespace tapehead::testing_support {

/// Recurrent encoders and decoders once more, in plain loops, as PlainLayers does it for layers of attention: one
/// position after another, each step by the plain loops of its cell.
class PlainRecurrent {
 public:
  /// `layers` drops what recurrent layers say; `attention` does the rest of the model, and drops nothing.
  PlainRecurrent(const ModelConfig& config, const PlainLayers& layers, const PlainLayers& attention)
      : config_(config), layers_(layers), attention_(attention) {}

  /// What a decoder without an encoder says of x (C, T, B). Takes its sites from `site` on.
  PlainBlock decoder(const PlainBlock& x, const std::int32_t* lengths, std::uint32_t site) const;
  /// What one says that has an encoder over `source`.
  PlainBlock both(const PlainBlock& source, const std::int32_t* source_lengths, const PlainBlock& x,
                  const std::int32_t* lengths, std::uint32_t site) const;

 private:
  using Numbers = std::vector<Dual>;
  struct Encoded {
    PlainBlock columns = {};
    std::vector<std::vector<Numbers>> last = {};  // of each layer and slice
    const std::int32_t* lengths = nullptr;
  };

  Numbers step(const std::string& path, const Numbers& x, const Numbers& before) const;
  std::int64_t states() const;
  Encoded encode(PlainBlock x, const std::int32_t* lengths, std::uint32_t site) const;
  PlainBlock decode(const PlainBlock& x, const std::int32_t* lengths, const Encoded* encoded, std::uint32_t site) const;

  const ModelConfig& config_;
  const PlainLayers& layers_;
  const PlainLayers& attention_;
};

}  // namespace tapehead::testing_support
