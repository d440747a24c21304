#include "layers/models/memory.hpp"

#include <algorithm>

#include "autograd/ops/attention.hpp"
#include "layers/attention/stage.hpp"
#include "layers/models/family.hpp"

namespace tapehead {
namespace {

// Attention weights that are kept for a pair of sequences: whole maps, or two numbers a query if it works in tiles;
// composed, also what they were before each stage: products, scaled scores, dropped weights. Left to itself it takes
// tiles from a size on; shorter sequences then need more than the longest.
double attention_values(const LayerOptions& layer, double queries, double keys) {
  const auto heads = static_cast<double>(layer.heads);
  switch (attention_kernel(layer)) {
    case AttentionKernel::tiled:
      return heads * 2 * queries;
    case AttentionKernel::whole:
      return heads * queries * keys;
    case AttentionKernel::composed: {
      const auto width = static_cast<double>(layer.key_width);
      const double maps =
          (layer.dropout > 0 ? 4 : 3) + (layer.stages.bias == "none" ? 0 : 1) + (layer.stages.cap > 0 ? 3 : 0);
      return heads *
             (maps * queries * keys + 3 * width * queries + 4 * width * keys);  // blocks cut out, and heads split
    }
    case AttentionKernel::automatic:
      break;
  }
  return heads * std::min(queries * keys, static_cast<double>(AttentionOptions::kTiledFrom));
}

// Queries and keys that a score makes of others.
double prepared_values(const LayerOptions& layer, double queries, double keys) {
  const bool prepares = static_cast<bool>(find_stage(StageKind::score, layer.stages.score).query);
  return prepares ? 2 * static_cast<double>(layer.heads * layer.key_width) * (queries + keys) : 0;
}

// Numbers that one layer keeps of an example: norms, residual sums and dropouts (C), projections and contexts (H · D),
// the inner width twice or thrice (F), the attention weights.
double layer_values(const LayerOptions& layer, double positions, double memory) {
  const auto c = static_cast<double>(layer.channels);
  const auto d = static_cast<double>(layer.heads * layer.key_width);
  const double inner = static_cast<double>(layer.inner) * (layer.dropout > 0 ? 3 : 2);
  const double drops = layer.dropout > 0 ? 1 : 0;
  double values = positions * ((6 + 2 * drops) * c + 4 * d + inner) + attention_values(layer, positions, positions) +
                  prepared_values(layer, positions, positions);
  if (memory > 0) {
    values += positions * ((3 + drops) * c + 2 * d) + memory * 2 * d + attention_values(layer, positions, memory) +
              prepared_values(layer, positions, memory);
  }
  return values;
}

}  // namespace

double embedding_values(const ModelConfig& config, std::int64_t positions) {
  return static_cast<double>(config.d_model) * (config.dropout > 0 ? 4 : 3) * static_cast<double>(positions);
}

double stack_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory) {
  const StackOptions stack = stack_options(config);
  return static_cast<double>(stack.layers) *
         layer_values(stack.layer, static_cast<double>(positions), static_cast<double>(memory));
}

double output_values(const ModelConfig& config, std::int64_t positions) {
  return static_cast<double>(positions) * static_cast<double>(config.d_model + config.target_vocabulary);
}

}  // namespace tapehead
