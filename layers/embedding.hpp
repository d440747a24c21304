#pragma once

#include <string>

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"
#include "layers/attention/positions.hpp"
#include "layers/dropout.hpp"

namespace tapehead {

/// Tokens as columns: looks up each token's vector, multiplies it by √C unless the law is WeightLaw::normal (Vaswani et
/// al. 2017, §3.4), adds its position's, and drops out. ids (T, B) → (C, T, B). Parameters `weight` (C, V),
/// `positions.weight`.
struct Embedding {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t vocabulary = 0;
    PositionKind positions = PositionKind::sinusoidal;
    std::int64_t max_positions = 0;  ///< of positions that are not none
    double dropout = 0;
  };
  /// `shared`: the table of another embedding of the same size, which then is this one's too.
  Embedding(const Scope& scope, const Options& options, const Parameter& shared = {});

  template <Scalar T>
  Var<T> operator()(Tape<T>& tape, TokenView ids, const Pass& pass) const;

  std::string path;
  Parameter weight;
  double factor;
  Positions positions;
  Dropout dropout;
};

}  // namespace tapehead
