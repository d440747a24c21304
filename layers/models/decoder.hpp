#pragma once

#include "autograd/base/tokens.hpp"
#include "layers/embedding.hpp"
#include "layers/models/config.hpp"
#include "layers/stacks.hpp"

namespace tapehead {

/// The decoder-only transformer (Radford et al. 2019): every token may see itself and what stands before it.
/// Parameters `embedding.*`, `decoder.*`, `output.*`.
struct Decoder {
  Decoder(const Scope& scope, const ModelConfig& config);

  /// input (T, B) → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, TokenView input, const Pass& pass) const;

  Embedding embedding;
  Encoder decoder;  // encoder layers under a causal mask
  Linear output;
};

}  // namespace tapehead
