#pragma once

#include <cstdint>
#include <string>

namespace tapehead {

/// Whose keys an attention looks at.
enum class AttentionRole {
  none,    ///< it is no attention
  self,    ///< those of its own sequence
  causal,  ///< those of its own sequence up to the query
  cross,   ///< those of a memory
};

/// What of a layer a probe may see. Slice h + H·b of (…, H·B) is head h of example b.
enum class What {
  embedded,  ///< (C, T, B), tokens with their positions: what a stack of layers reads
  scores,    ///< (K, Q, H·B), scaled, before the mask
  weights,   ///< (K, Q, H·B), before dropout
  context,   ///< (H·Dv, Q, B), head h in rows h·Dv …
  output,    ///< (C, Q, B), what an attention gives
  stream,    ///< (C, T, B), what a layer of a stack hands on: the residual stream
};

/// Where in a model a value was made.
struct Site {
  const std::string& layer;  ///< its path, `decoder.layers.0.cross_attention`
  AttentionRole role;
  What what;
  std::int64_t heads;  ///< of an attention; 1 elsewhere
};

}  // namespace tapehead
