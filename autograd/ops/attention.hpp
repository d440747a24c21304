#pragma once

#include <cstdint>

#include "autograd/base/random.hpp"
#include "autograd/masks/mask.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Rows [first_row, first_row + rows) of a value (R, T, B): queries, keys and values may share one matrix, uncopied.
template <Scalar T>
struct RowBlock {
  Var<T> x;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;

  /// All rows of x; attention() refuses an empty one.
  static RowBlock all(Var<T> x) { return {x, 0, x ? x.shape().rows : 0}; }
};

/// How attention is computed; the results agree to rounding.
enum class AttentionKernel {
  automatic,  ///< tiled from kTiledFrom pairs of a query and a key on, else whole
  whole,      ///< keeps all weights
  tiled,      ///< keeps a few numbers a query and makes the weights again on the way back: memory linear in the length
  composed,   ///< from other ops, by attend() in layers/attention/attention_stages.hpp; attention() refuses it
};

struct AttentionOptions {
  /// The size of a map from which `automatic` takes tiles.
  static constexpr std::int64_t kTiledFrom = std::int64_t{1024} * 1024;

  std::int64_t heads = 1;
  double scale = 1;  ///< what scores are multiplied by; 1/√D in Vaswani et al. 2017, eq. 1
  Mask mask = {};
  double dropout = 0;                    ///< rate at which weights are dropped, [0, 1)
  const RandomStream* random = nullptr;  ///< required if dropout > 0; read at once, not kept
  std::int64_t first_example = 0;        ///< number of slice 0 in its batch: a coordinate of dropout
  AttentionKernel kernel = AttentionKernel::automatic;
};

template <Scalar T>
struct Attended {
  Var<T> context;    ///< (H·Dv, Q, B)
  const T* weights;  ///< (K, Q, H, B) before dropout, each column summing to one (or zero); lives as long as the tape's
                     ///< values; nullptr if the kernel was tiled
};

/// Scaled dot-product attention of every head and slice (Vaswani et al. 2017, §3.2):
///
///     weights_h = softmax over the keys that may be attended of scale · K_hᵀ Q_h,    context_h = V_h · weights_h
///
/// query (H·D, Q, B), key (H·D, K, B), value (H·Dv, K, B); head h is rows h·D … of each, a view, never a copy.
/// A query that may attend nothing gets a zero context and passes no gradient. Kernels skip tiles that the mask rules
/// out. Dropout of weight (h, q, k) of slice b is decided at the coordinate (example first_example + b; position q,
/// element k, block h) of a KeepRule. Throws ShapeError where sizes disagree, ConfigError for heads < 1 or a dropout
/// outside [0, 1).
template <Scalar T>
Attended<T> attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const AttentionOptions& options);

}  // namespace tapehead
