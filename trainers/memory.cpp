#include "trainers/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "autograd/base/errors.hpp"
#include "trainers/batching.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {
namespace {

constexpr double kAdjoints = 0.5;  // and scratch, as a share of the values that are kept

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
      const double maps = (layer.dropout > 0 ? 4 : 3) + (layer.bias == "none" ? 0 : 1);
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
  const bool prepares = static_cast<bool>(find_stage(StageKind::score, layer.score).query);
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

// Doubles, whatever the scalar: see SinusoidTable.
double table_bytes(const ModelConfig& config) {
  if (config.positions != "sinusoidal") return 0;
  const double embeddings = config.model == "transformer" ? 2 : 1;
  return embeddings * sizeof(double) * static_cast<double>(config.d_model) * static_cast<double>(config.max_positions);
}

}  // namespace

SequenceLengths column_lengths(BatchLayout layout, std::int64_t source, std::int64_t target) {
  if (layout == BatchLayout::encoder_decoder) return {source + 1, target + 1};
  return {0, positions_needed(layout, source, target)};
}

double pass_values(const ModelConfig& config, const SequenceLengths& longest) {
  const StackOptions stack = stack_options(config);
  const auto layers = static_cast<double>(stack.layers);
  const auto source = static_cast<double>(longest.source);
  const auto target = static_cast<double>(longest.target);
  const auto embedded = static_cast<double>(config.d_model) * (config.dropout > 0 ? 4 : 3);
  double values = source * embedded + target * embedded;
  if (source > 0) values += layers * layer_values(stack.layer, source, 0);
  values += layers * layer_values(stack.layer, target, source);
  return values + target * static_cast<double>(config.d_model + config.target_vocabulary);
}

MemoryEstimate estimate_memory(const Model& model, const StepOptions& step, const SequenceLengths& longest, int threads,
                               std::int64_t scalar_bytes) {
  const auto scalar = static_cast<double>(scalar_bytes);
  const double flat = scalar * static_cast<double>(model.layout().flat_size());
  const std::int64_t workers = std::min<std::int64_t>(threads, step.shards);
  const std::int64_t subtree = (step.shards + workers - 1) / workers;  // shards of one worker
  const std::int64_t examples = (step.batch + step.shards - 1) / step.shards;
  const auto moments = static_cast<double>(moment_count(step.optimizer));
  return {.parameters = 2 * flat,
          .optimizer = moments * flat,
          .shards = flat * static_cast<double>(workers * (std::bit_width(static_cast<std::uint64_t>(subtree - 1)) + 1)),
          .tapes =
              scalar * (1 + kAdjoints) * pass_values(model.config(), longest) * static_cast<double>(examples * workers),
          .saving = 2 * (1 + moments) * flat,
          .tables = table_bytes(model.config())};
}

double estimate_evaluation(const Model& model, const SequenceLengths& longest, std::int64_t sequences, int threads,
                           std::int64_t scalar_bytes) {
  if (sequences == 0) return 0;
  const double each = pass_values(model.config(), longest);
  const auto in_budget = static_cast<std::int64_t>(batch_budget(model) / each);
  const std::int64_t batch = std::clamp<std::int64_t>(in_budget, 1, sequences);
  const std::int64_t workers = std::min<std::int64_t>(threads, (sequences + batch - 1) / batch);
  return static_cast<double>(scalar_bytes * workers * batch) * each;
}

void require_memory(const MemoryEstimate& estimate, double available, const char* what) {
  if (estimate.total() <= available) return;
  const std::pair<const char*, double> parts[] = {
      {"parameters", estimate.parameters}, {"optimizer", estimate.optimizer}, {"shards", estimate.shards},
      {"tapes", estimate.tapes},           {"saving", estimate.saving},       {"positions", estimate.tables},
      {"evaluation", estimate.evaluation}};
  std::string list;
  for (const auto& [name, bytes] : parts) {
    if (bytes > 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, bytes_text(bytes));
  }
  const double half = estimate.total() / 2;
  const char* advice = "take a smaller d-model, d-ff, vocabulary, or fewer layers";
  if (estimate.tapes > half) advice = "take a smaller batch, more shards, shorter sequences, or attention tiled";
  if (estimate.tables > half) advice = "take a smaller max-positions";
  if (estimate.evaluation > half) advice = "take fewer threads, shorter held-out sequences, or attention tiled";
  throw ConfigError(fmt::format("memory: {} would take about {} ({}), and {} are available; {}", what,
                                bytes_text(estimate.total()), list, bytes_text(available), advice));
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

}  // namespace tapehead
