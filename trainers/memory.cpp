#include "trainers/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "autograd/base/errors.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {
namespace {

constexpr double kAdjoints = 0.5;  // and scratch, as a share of the values that are kept

// Attention weights that are kept for a pair of sequences: whole maps, or two numbers a query if it works in tiles.
// Left to itself it takes tiles from a size on; shorter sequences then need more than the longest.
double attention_values(const LayerOptions& layer, double queries, double keys) {
  const auto heads = static_cast<double>(layer.heads);
  if (layer.kernel == AttentionKernel::tiled) return heads * 2 * queries;
  if (layer.kernel == AttentionKernel::whole) return heads * queries * keys;
  return heads * std::min(queries * keys, static_cast<double>(AttentionOptions::kTiledFrom));
}

// Numbers that one layer keeps of an example: norms, residual sums and dropouts (C), projections and contexts (H · D),
// the inner width twice or thrice (F), the attention weights.
double layer_values(const LayerOptions& layer, double positions, double memory) {
  const auto c = static_cast<double>(layer.channels);
  const auto d = static_cast<double>(layer.heads * layer.key_width);
  const double inner = static_cast<double>(layer.inner) * (layer.dropout > 0 ? 3 : 2);
  const double drops = layer.dropout > 0 ? 1 : 0;
  double values = positions * ((6 + 2 * drops) * c + 4 * d + inner) + attention_values(layer, positions, positions);
  if (memory > 0) {
    values += positions * ((3 + drops) * c + 2 * d) + memory * 2 * d + attention_values(layer, positions, memory);
  }
  return values;
}

// Of one example, over the whole model.
double example_values(const ModelConfig& config, const SequenceLengths& longest) {
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

}  // namespace

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
          .tapes = scalar * (1 + kAdjoints) * example_values(model.config(), longest) *
                   static_cast<double>(examples * workers),
          .saving = 2 * (1 + moments) * flat};
}

void require_memory(const MemoryEstimate& estimate, double available) {
  if (estimate.total() <= available) return;
  const bool tapes = estimate.tapes > estimate.total() / 2;
  throw ConfigError(fmt::format(
      "memory: training would take about {} (parameters {}, optimizer {}, shards {}, tapes {}, saving {}), and {} are "
      "available; {}",
      bytes_text(estimate.total()), bytes_text(estimate.parameters), bytes_text(estimate.optimizer),
      bytes_text(estimate.shards), bytes_text(estimate.tapes), bytes_text(estimate.saving), bytes_text(available),
      tapes ? "take a smaller batch, more shards, shorter sequences, or attention tiled"
            : "take a smaller d-model, d-ff, vocabulary, or fewer layers"));
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

}  // namespace tapehead
