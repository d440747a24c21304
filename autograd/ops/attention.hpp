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
  /// Heads of key and value, each of which an equal number of query heads shares (Ainslie et al. 2023, GQA; one:
  /// Shazeer 2019, multi-query); 0: as many as `heads`.
  std::int64_t key_heads = 0;
  double scale = 1;  ///< what scores are multiplied by; 1/√D in Vaswani et al. 2017, eq. 1
  double cap = 0;    ///< scores become cap · tanh(score / cap) (Gemma Team 2024, §2); 0: none
  Mask mask = {};
  bool zero_sink = false;                ///< softmax beside one more score of zero (Miller 2023)
  double dropout = 0;                    ///< rate at which weights are dropped, [0, 1)
  const RandomStream* random = nullptr;  ///< required if dropout > 0; read at once, not kept
  std::int64_t first_example = 0;        ///< number of slice 0 in its batch: a coordinate of dropout
  AttentionKernel kernel = AttentionKernel::automatic;
  bool weights = false;  ///< whether they are wanted even where tiles are taken, which keep none
};

/// What is added to scores, or stands beside them: none by default.
template <Scalar T>
struct ScoreTerms {
  /// A bias by distance: line(k − p − least, h) is added to the score of query position p and key k, after the cap.
  /// Head h is column h of (L, H).
  Var<T> line = {};
  std::int64_t least = 0;               ///< the distance of the first row of `line`
  const std::int32_t* first = nullptr;  ///< query q of example b stands at position q + first[b]; nullptr: at q
  /// The score of a key without a value (H): softmax is taken beside it.
  Var<T> sink = {};
};

template <Scalar T>
struct Attended {
  Var<T> context;    ///< (H·Dv, Q, B)
  const T* weights;  ///< (K, Q, H, B) before dropout, each column summing to one (zero, or less beside a sink); lives
                     ///< as long as the tape's values; nullptr if the kernel was tiled and they were not wanted
};

/// Scaled dot-product attention of every head and slice (Vaswani et al. 2017, §3.2):
///
///     weights_h = softmax over the keys that may be attended of scale · K_hᵀ Q_h,    context_h = V_h · weights_h
///
/// query (H·D, Q, B), key (G·D, K, B), value (G·Dv, K, B); head h is rows h·D … of the query, and reads rows g·D … of
/// the keys with g = h / (H / G): views, never copies. A cap, a line and a sink are taken in tiles only, at any size.
/// A query that may attend nothing gets a zero context and passes no gradient. Kernels skip tiles that the mask rules
/// out. Dropout of weight (h, q, k) of slice b is decided at the coordinate (example first_example + b; position q,
/// element k, block h) of a KeepRule. Throws ShapeError where sizes disagree, ConfigError for heads < 1 or a dropout
/// outside [0, 1), or where `whole` was asked for what it does not take.
template <Scalar T>
Attended<T> attention(RowBlock<T> query, RowBlock<T> key, RowBlock<T> value, const AttentionOptions& options,
                      const ScoreTerms<T>& terms = {});

}  // namespace tapehead
