#pragma once

#include <optional>
#include <string>

#include "autograd/masks/mask.hpp"
#include "autograd/ops/attention.hpp"
#include "autograd/tape.hpp"
#include "layers/linear.hpp"
#include "layers/pass.hpp"

namespace tapehead {

/// Multi-head attention (Vaswani et al. 2017, §3.2.2): queries, keys and values are projected, each head attends, and
/// the heads' contexts are projected back. Self-attention makes all three in one product.
///
/// Parameters `query.*`, `key.*` (C → H·D), `value.*` (C → H·Dv), `output.*` (H·Dv → C).
struct MultiHeadAttention {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t memory_channels = 0;  ///< of what keys and values come from; 0: self-attention
    std::int64_t heads = 1;
    std::int64_t key_width = 0;                           ///< D, of queries and keys of one head; 0: channels / heads
    std::int64_t value_width = 0;                         ///< Dv; 0: as key_width
    double scale = 0;                                     ///< 0: 1/√D
    double dropout = 0;                                   ///< of the weights
    AttentionKernel kernel = AttentionKernel::automatic;  ///< an observer of the weights makes it whole
  };
  /// Throws ConfigError for sizes below one, and when heads do not divide channels and no width is given.
  MultiHeadAttention(const Scope& scope, const Options& options);

  /// Self-attention: x (C, T, B) → (C, T, B).
  template <Scalar T>
  Var<T> operator()(Var<T> x, const Mask& mask, const Pass& pass) const;

  /// Cross-attention: x (C, Q, B), memory (M, K, B) → (C, Q, B).
  template <Scalar T>
  Var<T> operator()(Var<T> x, Var<T> memory, const Mask& mask, const Pass& pass) const;

  std::string path;
  Options options;  ///< with every width filled in
  JoinedLinear from_queries;
  std::optional<JoinedLinear> from_memory;
  Linear output;
  std::uint32_t site;

 private:
  template <Scalar T>
  Var<T> attend(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const Mask& mask, const Pass& pass) const;
};

}  // namespace tapehead
