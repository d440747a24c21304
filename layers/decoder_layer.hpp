#pragma once

#include "layers/encoder_layer.hpp"

namespace tapehead {

/// Self-attention, or what stands in its place, cross-attention over a memory, and feed-forward, each with its residual
/// path. x (C, T, B), memory (C, S, B) → (C, T, B). Parameters `self_attention.*` (`mixer.*`), `cross_attention.*`,
/// `feed_forward.*`, and a `…_norm.*` for each; if layers are parallel, one `norm.*` instead, as in EncoderLayer.
struct DecoderLayer {
  DecoderLayer(const Scope& scope, const LayerOptions& options);

  /// `self_mask` rules over the layer's own positions, `memory_mask` over the memory's. `first_values`: see
  /// MultiHeadAttention.
  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask, const Pass& pass,
                    Var<T>* first_values = nullptr) const;

  std::string path;
  SelfMixer self_mixer;
  Residual residual;  ///< of self_mixer, or of all parts
  MultiHeadAttention cross_attention;
  std::optional<Residual> cross_residual;  ///< unless parallel
  FeedForwardPart feed_forward;
};

}  // namespace tapehead
