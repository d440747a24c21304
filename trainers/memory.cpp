#include "trainers/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "autograd/base/errors.hpp"
#include "layers/models/model.hpp"
#include "trainers/batching.hpp"
#include "trainers/optimizer.hpp"

namespace tapehead {
namespace {

constexpr double kAdjoints = 0.5;  // and scratch, as a share of the values that are kept

// Doubles, whatever the scalar: see SinusoidTable.
double table_bytes(const Model& model) {
  const ModelConfig& config = model.config();
  if (!config.positions.starts_with("sinusoidal") || model.spec().kind == ModelKind::recurrent) return 0;
  const auto embeddings = static_cast<double>(model.spec().embeddings);
  return embeddings * sizeof(double) * static_cast<double>(config.d_model) *
         static_cast<double>(positions_told_apart(config));
}

}  // namespace

SequenceLengths column_lengths(BatchLayout layout, const ExampleShape& longest) {
  if (layout == BatchLayout::encoder_decoder) return {longest.source + 1, longest.target + longest.ends};
  return {0, positions_needed(layout, longest)};
}

PassValues pass_values(const Model& model, const SequenceLengths& longest) {
  const ModelSpec& spec = model.spec();
  return {.example = spec.values(model.config(), longest),
          .shared = spec.shared_values != nullptr ? spec.shared_values(model.config(), longest) : 0};
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
          .tapes = scalar * (1 + kAdjoints) * pass_values(model, longest).of(examples) * static_cast<double>(workers),
          .saving = 2 * (1 + moments) * flat,
          .tables = table_bytes(model)};
}

double estimate_evaluation(const Model& model, const StepOptions& step, const SequenceLengths& longest,
                           std::int64_t sequences, int threads, std::int64_t scalar_bytes) {
  if (sequences == 0) return 0;
  const std::int64_t shards = step.shards;
  const std::int64_t batch = std::min((step.batch + shards - 1) / shards, (sequences + shards - 1) / shards);
  const std::int64_t workers = std::min({std::int64_t{threads}, shards, (sequences + batch - 1) / batch});
  return static_cast<double>(scalar_bytes * workers) * pass_values(model, longest).of(batch);
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
  const bool trained = std::string_view(what) == "evaluation";  // then nothing about the model can be chosen
  if (trained) advice = "free some, or take a machine that has more: the model is as it is";
  if (estimate.evaluation > half) {
    advice = trained ? "take fewer threads or shorter held-out sequences"
                     : "take fewer threads, shorter held-out sequences, or attention tiled";
  }
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
