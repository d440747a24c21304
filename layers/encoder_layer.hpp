#pragma once

#include <optional>
#include <string>

#include "autograd/tape.hpp"
#include "layers/attention/multi_head_attention.hpp"
#include "layers/feed_forward.hpp"
#include "layers/residual.hpp"
#include "layers/self_mixer.hpp"

namespace tapehead {

/// What encoder and decoder layers are made of.
struct LayerOptions {
  std::int64_t channels = 0;
  std::int64_t heads = 1;
  std::int64_t key_width = 0;    ///< of one head; 0: channels / heads
  std::int64_t value_width = 0;  ///< of one head; 0: as key_width
  HeadChoices head = {};
  std::int64_t inner = 0;      ///< width of the feed-forward part; 0: there is none
  bool gated = false;          ///< see FeedForward
  bool inner_bias = true;      ///< of the feed-forward part
  double scale = 0;            ///< of attention scores; 0: 1/√D
  bool learned_scale = false;  ///< by each head, from there on
  StageChoices stages = {};    ///< of attention; the bias of self-attention alone
  RotaryChoices rotary = {};   ///< of self-attention
  Mask visible = {};           ///< likewise, see MultiHeadAttention
  AttentionKernel kernel = AttentionKernel::automatic;
  std::string mixer = "attention";  ///< of a sequence with itself: attention, or one of mixer_specs()
  ValueResidual value_residual = ValueResidual::none;  ///< of self-attention
  NormPlace norm = NormPlace::pre;
  NormKind norm_kind = NormKind::layer;
  bool norm_bias = true;
  bool parallel = false;  ///< the parts read one norm and join the stream as one sum, instead of one after another
  Activation activation = Activation::relu;
  double norm_epsilon = 1e-5;
  double dropout = 0;            ///< before each residual sum
  double attention_dropout = 0;  ///< of attention weights
  double inner_dropout = 0;      ///< inside the feed-forward part
  double output_factor = 1;      ///< what is drawn for weights whose outputs join the stream is multiplied by it
  double query_factor = 1;       ///< likewise, for the queries of attention
};

/// The residual path of a part of such layers, or of the whole layer where they are parallel.
Residual make_residual(const Scope& layer, const std::string& part, const LayerOptions& options);
NormOptions norm_options(const LayerOptions& options);

/// The attention that such layers use: over themselves (memory_channels == 0) or over a memory.
MultiHeadAttention::Options attention_options(const LayerOptions& options, std::int64_t memory_channels);

/// How a sequence hears of itself in such layers, and the name that its parameters begin with: `self_attention`, or
/// `mixer`.
SelfMixer make_self_mixer(const Scope& layer, const LayerOptions& options);
std::string self_mixer_name(const LayerOptions& options);

/// The feed-forward part of a layer and its residual path; nothing where its width is zero.
struct FeedForwardPart {
  /// Parameters `feed_forward.*`, and `feed_forward_norm.*` unless layers are parallel.
  FeedForwardPart(const Scope& scope, const LayerOptions& options);

  /// x and what it makes of it, where it has a residual path of its own.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Pass& pass) const;
  /// `other` and what it makes of x: for parallel layers.
  template <Scalar T>
  Var<T> beside(Var<T> other, Var<T> x, const Pass& pass) const;

  std::optional<FeedForward> layer;
  std::optional<Residual> residual;
};

/// Self-attention, or what stands in its place, and feed-forward, each with its residual path. x (C, T, B) → (C, T, B).
/// With a causal mask it is also the layer of a decoder-only model. Parameters `self_attention.*`,
/// `self_attention_norm.*`, `feed_forward.*`, `feed_forward_norm.*`; with a mixer, `mixer.*` and `mixer_norm.*`.
///
/// Parallel layers (Wang & Komatsuzaki 2021, GPT-J; Chowdhery et al. 2022, PaLM, §2) have one residual path, `norm.*`,
/// around the sum of their parts: with the norm before, x + d(attention(norm(x)) + feed_forward(norm(x))).
struct EncoderLayer {
  EncoderLayer(const Scope& scope, const LayerOptions& options);

  /// `first_values`: see MultiHeadAttention.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass, Var<T>* first_values = nullptr) const;

  std::string path;
  SelfMixer self_mixer;
  Residual residual;  ///< of self_mixer, or of all parts
  FeedForwardPart feed_forward;
  bool parallel;
};

}  // namespace tapehead
