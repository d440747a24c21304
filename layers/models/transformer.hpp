#pragma once

#include "autograd/base/tokens.hpp"
#include "layers/embedding.hpp"
#include "layers/models/config.hpp"
#include "layers/stacks.hpp"

namespace tapehead {

/// The encoder–decoder transformer (Vaswani et al. 2017): what a target token may see is the whole source and the
/// target before it. Parameters `source_embedding.*`, `target_embedding.*`, `encoder.*`, `decoder.*`, `output.*`.
struct Transformer {
  Transformer(const Scope& scope, const ModelConfig& config);

  /// source (S, B) → memory (C, S, B).
  template <Scalar T>
  Var<T> encode(Tape<T>& tape, TokenView source, const Pass& pass) const;

  /// input (T, B), beginning with kStart → features (C, T, B).
  template <Scalar T>
  Var<T> decode(Tape<T>& tape, Var<T> memory, TokenView source, TokenView input, const Pass& pass) const;

  Embedding source_embedding, target_embedding;
  Encoder encoder;
  CrossDecoder decoder;
  Linear output;
};

}  // namespace tapehead
