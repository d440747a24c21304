#pragma once

#include "layers/encoder_layer.hpp"

namespace tapehead {

/// Self-attention, or what stands in its place, cross-attention over a memory, and feed-forward, each with its residual
/// path. x (C, T, B), memory (C, S, B) → (C, T, B). Parameters `self_attention.*` (`mixer.*`), `cross_attention.*`,
/// `feed_forward.*`, and a `…_norm.*` for each.
struct DecoderLayer {
  DecoderLayer(const Scope& scope, const LayerOptions& options);

  /// `self_mask` rules over the layer's own positions, `memory_mask` over the memory's.
  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& self_mask, const Mask& memory_mask, const Pass& pass) const;

  std::string path;
  SelfMixer self_mixer;
  Norm self_mixer_norm;
  Dropout self_mixer_dropout;
  MultiHeadAttention cross_attention;
  Norm cross_attention_norm;
  Dropout cross_attention_dropout;
  FeedForwardPart feed_forward;
  NormPlace norm;
};

}  // namespace tapehead
