#pragma once

#include <cstdint>

#include "layers/dropout.hpp"
#include "layers/linear.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// A gated convolution over the positions of a sequence (Dauphin et al. 2017, "Language Modeling with Gated
/// Convolutional Networks", eq. 1; Gehring et al. 2017, "Convolutional Sequence to Sequence Learning", §3.2): with the
/// columns of the `width` positions around each one below another, u (width · C),
///
///     y = σ(G u + g) ∘ (A u + a)        x (C, T, B) → y (C, T, B).
///
/// A causal one sees no later position; of another, what stands past an example's length is zero. Dropout falls on x.
/// Parameters `gate.*`, `inner.*` (width · C → C).
struct GatedConvolution {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t width = 3;
    bool causal = false;
    double dropout = 0;
  };
  /// Throws ConfigError for sizes below one.
  GatedConvolution(const Scope& scope, const Options& options);

  /// In a pass of a decoding state a causal one sees what was read before, too.
  template <Scalar T>
  Var<T> operator()(Var<T> x, const std::int32_t* lengths, const Pass& pass) const;

  JoinedLinear from_neighbours;
  Dropout dropout;
  std::int64_t width;
  bool causal;
  std::uint32_t site;  // of the columns that a decoding state remembers
};

}  // namespace tapehead
