#pragma once

#include <optional>
#include <vector>

#include "layers/attention/multi_head_attention.hpp"
#include "layers/convolution/gated_convolution.hpp"

namespace tapehead {

/// Gated convolutions one above another, each with what it read added to what it says: x ← (x + y) √½, so that the
/// variance stays (Gehring et al. 2017, §3.2, 3.5). Parameters `layers.0.*` …
struct ConvolutionEncoder {
  ConvolutionEncoder(const Scope& scope, std::int64_t layers, const GatedConvolution::Options& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const;

  struct Level {
    std::string path;
    GatedConvolution convolution;
  };
  std::vector<Level> levels;
};

/// What is attended to, (C, S, B) each: keys are made of the one, values of the other.
template <Scalar T>
struct ConvolutionMemory {
  Var<T> keys, values;
};

/// The same, causal, with attention to a memory in every layer (Gehring et al. 2017, §3.3): with e what the stack
/// reads, y ← (y + attention(y + e)) √½ before it is added to x. Without attention it is a language model's stack
/// (Dauphin et al. 2017). Parameters `layers.0.*`, `layers.0.cross_attention.*` …
struct ConvolutionDecoder {
  struct Options {
    std::int64_t layers = 1;
    GatedConvolution::Options convolution = {};                 ///< is taken as causal
    std::optional<MultiHeadAttention::Options> attention = {};  ///< with values apart
  };
  ConvolutionDecoder(const Scope& scope, const Options& options);

  /// `memory` is attended under `memory_mask`; it may be empty where there is no attention, and where a pass of a
  /// decoding state has read before.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const ConvolutionMemory<T>& memory, const Mask& memory_mask, const Pass& pass) const;

  struct Level {
    std::string path;
    GatedConvolution convolution;
    std::optional<MultiHeadAttention> cross_attention;
  };
  std::vector<Level> levels;
};

}  // namespace tapehead
