#include "layers/models/memory.hpp"

#include <algorithm>
#include <cmath>

#include "autograd/ops/attention.hpp"
#include "layers/attention/attention_stages.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/convolution_options.hpp"
#include "layers/models/family.hpp"
#include "layers/models/recurrent_options.hpp"

namespace tapehead {
namespace {

// Attention weights that are kept for a pair of sequences: whole maps, or two numbers a query if it works in tiles;
// composed, also what they were before each stage: products, scaled scores, dropped weights. Left to itself it takes
// tiles from a size on; shorter sequences then need more than the longest.
double weight_values(const AttentionStages& stages, double queries, double keys) {
  const auto heads = static_cast<double>(stages.sizes.heads);
  const auto scoring = static_cast<double>(stages.scoring().heads);
  switch (stages.kernel) {
    case AttentionKernel::tiled:
      return heads * 2 * queries;
    case AttentionKernel::whole:
      return heads * queries * keys;
    case AttentionKernel::composed: {
      const StageSpec* mixing = stages.mixing;
      const double maps_of_scores = 3 + (stages.bias != nullptr ? 1 : 0) + (stages.cap > 0 ? 3 : 0) +
                                    (mixing != nullptr && mixing->before ? 1 : 0);
      const double maps_of_weights = (stages.dropout > 0 ? 1 : 0) + (mixing != nullptr ? 1 : 0);
      // Blocks cut out, heads split, shared keys repeated and keys cut in parts.
      const auto width = static_cast<double>(stages.sizes.key_width + stages.sizes.value_width);
      const double copies = 2 + (stages.sizes.of_keys() < stages.sizes.heads ? 1 : 0) + (scoring > heads ? 1 : 0);
      return (scoring * maps_of_scores + heads * maps_of_weights) * queries * keys +
             heads * width * (1.5 * queries + copies * keys);
    }
    case AttentionKernel::automatic:
      break;
  }
  const bool takes_tiles = std::ranges::any_of(kKernels, [&](const KernelAbilities& kernel) {
    return kernel.kernel == AttentionKernel::whole && !takes(kernel, stages);
  });
  if (takes_tiles) return heads * 2 * queries;
  return heads * std::min(queries * keys, static_cast<double>(AttentionOptions::kTiledFrom));
}

// All that an attention keeps between its projections: queries and keys that a score or a scale makes of others, what
// is read in another shape, gated contexts.
double attention_values(const MultiHeadAttention::Options& options, double queries, double keys) {
  const AttentionStages stages = stages_of(options);
  const auto of_queries = static_cast<double>(stages.sizes.heads * stages.sizes.key_width);
  const auto of_contexts = static_cast<double>(stages.sizes.heads * stages.sizes.value_width);
  const auto of_keys = static_cast<double>(stages.sizes.of_keys() * stages.sizes.key_width);
  const auto of_values = static_cast<double>(stages.sizes.of_keys() * stages.sizes.value_width);
  double values = weight_values(stages, queries, keys);
  if (stages.score->query) values += 2 * (of_queries * queries + of_keys * keys);
  if (options.learned_scale) values += 2 * of_queries * queries;
  if (options.head.split == "reshape") {
    values += 3 * (of_queries * queries + (of_keys + of_values) * keys) + 2 * of_contexts * queries;
  }
  return values + (stages.gate != nullptr ? of_contexts * queries : 0);
}

// What a mixer keeps of a sequence beside its projections: states of its chunks, gates, the context of either reading,
// and what its norm makes of it. One that reads no queries works on no chunks.
double mixer_values(const LayerOptions& layer, double positions) {
  const MixerSpec& spec = find_mixer(layer.mixer);
  if (spec.reads != MixerReads::queries) return 0;
  const HeadSizes sizes{layer.heads, layer.key_width, layer.value_width > 0 ? layer.value_width : layer.key_width};
  const auto heads = static_cast<double>(layer.heads);
  const double state = static_cast<double>(spec.state_size(sizes));
  const double chunks = std::ceil(positions / static_cast<double>(spec.chunk));
  const double gates = spec.gates != nullptr ? static_cast<double>(spec.gates(sizes)) : 0;
  const double width = static_cast<double>(std::max(sizes.key_width, sizes.value_width));
  // Read both ways, as an encoder does; and chunks that are worked on.
  return heads * (2 * chunks * state + positions * (gates + 5 * width + 1)) + 64 * (20 * width + 128) + 2 * state;
}

// Of a position, projections for a mixer and its context: queries, keys and values, values alone, or nothing of the
// kind.
double projected_values(const MixerSpec& spec, double channels, double of_heads) {
  switch (spec.reads) {
    case MixerReads::queries:
      return 4 * of_heads;
    case MixerReads::values:
      return 2 * of_heads;
    case MixerReads::stream:
      break;
  }
  return channels;
}

// Numbers that one layer keeps of an example: norms, residual sums and dropouts (C), projections and contexts (H · D),
// the inner width twice or thrice, and once more if it is gated (F), the attention weights.
double layer_values(const LayerOptions& layer, double positions, double memory) {
  const auto c = static_cast<double>(layer.channels);
  const auto d = static_cast<double>(layer.heads * std::max(layer.key_width, layer.value_width));
  const double heard = layer.mixer == "attention" ? 4 * d : projected_values(find_mixer(layer.mixer), c, d);
  const double inner = static_cast<double>(layer.inner) * ((layer.inner_dropout > 0 ? 3 : 2) + (layer.gated ? 1 : 0));
  const double drops = layer.dropout > 0 ? 1 : 0;
  const double extra = layer.norm == NormPlace::both ? 2 : 0;  // norms behind parts
  double values = positions * ((6 + 2 * drops + extra) * c + heard + inner);
  // Values cut out, mixed, and put back below queries and keys.
  if (layer.value_residual != ValueResidual::none) values += positions * 8 * d;
  values += layer.mixer == "attention" ? attention_values(attention_options(layer, 0), positions, positions)
                                       : mixer_values(layer, positions);
  if (memory > 0) {
    values += positions * ((3 + drops + extra / 2) * c + 2 * d) + memory * 2 * d +
              attention_values(attention_options(layer, layer.channels), positions, memory);
  }
  return values;
}

// Numbers that a recurrent layer of one direction keeps of an example: what it read, the sums of its gates (and, of one
// that has a bias of its own, the part that this belongs to), the states, once more in order, and the h of them.
double recurrent_layer_values(const std::string& cell, double channels, double width, double positions) {
  const CellSpec& spec = find_cell(cell);
  const auto states = static_cast<double>(spec.states);
  const auto gates = static_cast<double>(spec.gates.size());
  const double sums = gates + (spec.gate_of_own_bias != nullptr ? 1 : 0);
  return positions * (channels + width * (sums + 2 * states + (states > 1 ? 1 : 0)));
}

// What it keeps once: its own weights, turned.
double turned_values(const std::string& cell, double width) {
  return static_cast<double>(find_cell(cell).gates.size()) * width * width;
}

}  // namespace

double embedding_values(const ModelConfig& config, std::int64_t positions) {
  const double kept = 3 + (config.dropout > 0 ? 1 : 0) + (config.block.embedding_norm == "yes" ? 1 : 0);
  return static_cast<double>(config.d_model) * kept * static_cast<double>(positions);
}

double stack_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory) {
  const StackOptions stack = stack_options(config);
  return static_cast<double>(stack.layers) *
         layer_values(stack.layer, static_cast<double>(positions), static_cast<double>(memory));
}

double stack_shared_values(const ModelConfig& config, std::int64_t positions) {
  if (config.mixer == "attention") return 0;
  const MixerSpec& spec = find_mixer(config.mixer);
  if (spec.shared_values == nullptr) return 0;
  const std::int64_t width = head_width(config);
  return static_cast<double>(config.layers) *
         spec.shared_values({config.heads, width, config.d_value > 0 ? config.d_value : width},
                            static_cast<double>(positions));
}

double convolution_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory) {
  const auto c = static_cast<double>(config.d_model);
  const auto n = static_cast<double>(positions);
  const auto layers = static_cast<double>(config.layers);
  // Neighbours, both halves of the gated product, what it gives, and two sums with their scales; what dropout left.
  const double convolution = n * c * (static_cast<double>(config.convolution.width) + 5 + (config.dropout > 0 ? 1 : 0));
  if (memory == 0) return layers * convolution + 2 * n * c;  // behind them, of an encoder: what values are made of
  const MultiHeadAttention::Options attention = *convolution_decoder_options(config, true).attention;
  const AttentionStages stages = stages_of(attention);
  const auto keys = static_cast<double>(memory);
  const double projected =
      n * static_cast<double>(stages.sizes.heads * (stages.sizes.key_width + stages.sizes.value_width)) +
      2 * keys * static_cast<double>(stages.sizes.of_keys() * (stages.sizes.key_width + stages.sizes.value_width));
  return layers * (convolution + 4 * n * c + projected + attention_values(attention, n, keys));
}

double recurrent_encoder_values(const ModelConfig& config, std::int64_t positions) {
  const RecurrentEncoder::Options o = recurrent_encoder_options(config);
  const auto c = static_cast<double>(o.channels);
  const auto n = static_cast<double>(positions);
  const double layer = o.bidirectional ? 2 * recurrent_layer_values(o.cell, c, c / 2, n) + c * n
                                       : recurrent_layer_values(o.cell, c, c, n);
  return static_cast<double>(o.layers) * (layer + (o.dropout > 0 ? c * n : 0));
}

double recurrent_decoder_values(const ModelConfig& config, std::int64_t positions, std::int64_t memory) {
  const RecurrentDecoder::Options o = recurrent_decoder_options(config, memory > 0);
  const auto c = static_cast<double>(o.channels);
  const auto n = static_cast<double>(positions);
  double values = static_cast<double>(o.layers) *
                  (recurrent_layer_values(o.cell, c, c, n) + (o.dropout > 0 ? c * n : 0) + (o.feeds ? 2 * c * n : 0));
  if (!o.attention) return values;
  const AttentionStages stages = stages_of(*o.attention);
  const auto of_queries = static_cast<double>(stages.sizes.heads * stages.sizes.key_width);
  const auto of_contexts = static_cast<double>(stages.sizes.heads * stages.sizes.value_width);
  const auto keys = static_cast<double>(memory);
  values += n * (4 * c + of_queries + of_contexts) +
            keys * static_cast<double>(stages.sizes.of_keys() * (stages.sizes.key_width + stages.sizes.value_width));
  // Composed, a step makes copies of all keys and values.
  const double times = o.feeds ? n : 1;
  return values + times * attention_values(*o.attention, n / times, keys) + (o.feeds ? 5 * c * n : 0);
}

double recurrent_encoder_shared_values(const ModelConfig& config) {
  const RecurrentEncoder::Options o = recurrent_encoder_options(config);
  const auto c = static_cast<double>(o.channels);
  return static_cast<double>(o.layers) *
         (o.bidirectional ? 2 * turned_values(o.cell, c / 2) : turned_values(o.cell, c));
}

double recurrent_decoder_shared_values(const ModelConfig& config, bool crosses) {
  const RecurrentDecoder::Options o = recurrent_decoder_options(config, crosses);
  if (o.feeds) return 0;  // one step at a time
  return static_cast<double>(o.layers) * turned_values(o.cell, static_cast<double>(o.channels));
}

double output_values(const ModelConfig& config, std::int64_t positions) {
  return static_cast<double>(positions) * static_cast<double>(config.d_model + config.target_vocabulary);
}

}  // namespace tapehead
