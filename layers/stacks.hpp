#pragma once

#include <optional>
#include <vector>

#include "layers/decoder_layer.hpp"
#include "layers/encoder_layer.hpp"
#include "layers/layer_drop.hpp"

namespace tapehead {

struct StackOptions {
  std::int64_t layers = 1;
  LayerOptions layer = {};
  bool final_norm = true;  ///< a norm after the last layer
  /// Layers with parameters of their own; 0: all. Layer i has those of layer i mod `distinct` (Dehghani et al. 2019,
  /// Universal Transformers, of one; Takase & Kiyono 2023, "cycle").
  std::int64_t distinct = 0;
  double layer_drop = 0;        ///< see LayerDrop
  bool scaled_outputs = false;  ///< what layers add to the stream is drawn 1/√N as large, N parts adding to it
                                ///< (Radford et al. 2019, §2.3)
};

/// Encoder layers one after another. x (C, T, B) → (C, T, B). Parameters `layers.0.*` …, `norm.*`. A value residual
/// mixes the values of every layer's self-attention but the first with those of the first. Throws ConfigError for more
/// distinct layers than there are, and for a value residual where the first layer may be left out.
struct Encoder {
  Encoder(const Scope& scope, const StackOptions& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass) const;

  std::vector<EncoderLayer> layers;
  std::optional<Norm> norm;
  LayerDrop drop;
  bool keeps_values;  ///< of the first layer
};

/// Decoder layers one after another, as in Encoder. x (C, T, B), memory (C, S, B) → (C, T, B).
struct CrossDecoder {
  CrossDecoder(const Scope& scope, const StackOptions& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask, const Pass& pass) const;

  std::vector<DecoderLayer> layers;
  std::optional<Norm> norm;
  LayerDrop drop;
  bool keeps_values;
};

}  // namespace tapehead
