#pragma once

#include <optional>
#include <string>

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/positions.hpp"
#include "layers/dropout.hpp"
#include "layers/norm.hpp"

namespace tapehead {

/// What embeddings are multiplied by. Left to itself it is √C (Vaswani et al. 2017, §3.4), which they are drawn for,
/// but for weights that are all drawn alike (WeightLaw::normal) nothing.
enum class EmbeddingScale { by_law, none, sqrt_channels };

/// Tokens as columns: looks up each token's vector, multiplies it, adds its position's, normalises the sum if that is
/// wanted, and drops out. ids (T, B) → (C, T, B). Parameters `weight` (C, V), `positions.weight`, `norm.*`.
struct Embedding {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t vocabulary = 0;
    PositionKind positions = PositionKind::sinusoidal;
    std::int64_t max_positions = 0;  ///< of positions that are not none
    double dropout = 0;
    EmbeddingScale scale = EmbeddingScale::by_law;
    std::optional<NormOptions> norm = {};
  };
  /// `shared`: the table of another embedding of the same size, which then is this one's too.
  Embedding(const Scope& scope, const Options& options, const Parameter& shared = {});

  template <Scalar T>
  Var<T> operator()(Tape<T>& tape, TokenView ids, const Pass& pass) const;

  std::string path;
  Parameter weight;
  double factor;
  Positions positions;
  std::optional<Norm> norm;
  Dropout dropout;
};

}  // namespace tapehead
