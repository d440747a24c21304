#pragma once

#include <optional>
#include <vector>

#include "layers/decoder_layer.hpp"
#include "layers/encoder_layer.hpp"

namespace tapehead {

struct StackOptions {
  std::int64_t layers = 1;
  LayerOptions layer = {};
  bool final_norm = true;  ///< a norm after the last layer
};

/// Encoder layers one after another. x (C, T, B) → (C, T, B). Parameters `layers.0.*` …, `norm.*`.
struct Encoder {
  Encoder(const Scope& scope, const StackOptions& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass) const;

  std::vector<EncoderLayer> layers;
  std::optional<Norm> norm;
};

/// Decoder layers one after another. x (C, T, B), memory (C, S, B) → (C, T, B). Parameters `layers.0.*` …, `norm.*`.
struct CrossDecoder {
  CrossDecoder(const Scope& scope, const StackOptions& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask, const Pass& pass) const;

  std::vector<DecoderLayer> layers;
  std::optional<Norm> norm;
};

}  // namespace tapehead
