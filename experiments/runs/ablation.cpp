#include "experiments/runs/ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/base/file.hpp"
#include "autograd/base/limits.hpp"
#include "datasets/digest.hpp"
#include "experiments/options/notices.hpp"
#include "experiments/report/data_report.hpp"
#include "experiments/runs/folder_lock.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 255;  // of a file, in bytes, on every usual file system

std::string result_in(const std::string& folder) { return folder + "/result.json"; }

// What follows from the options of data alone, as text.
std::string data_key(const Settings& settled) {
  std::string key;
  for (const OptionSpec& option : option_table()) {
    if (option.group == OptionGroup::data) key += fmt::format("{}={}\n", option.name, settled.text(option.name));
  }
  return key;
}

[[noreturn]] void refuse(const std::string& folder, const std::string& what) {
  throw ConfigError(fmt::format("{}: holds {}; choose another --out, or remove this folder", folder, what));
}

// The lines of a configuration, `name = value`, by name.
std::map<std::string, std::string> lines_by_name(const std::string& config) {
  std::map<std::string, std::string> lines;
  std::istringstream in(config);
  for (std::string line; std::getline(in, line);) lines.emplace(line.substr(0, line.find(' ')), line);
  return lines;
}

// A folder from an earlier call must hold the same run, or its result would be taken for this one's.
void require_same_config(const std::string& folder, const std::string& config) {
  const std::string path = config_in(folder);
  if (!file_exists(path)) return;
  const std::string text = read_file(path);
  if (text == config) return;
  const auto saved = lines_by_name(text);
  const auto planned = lines_by_name(config);
  for (const OptionSpec& option : option_table()) {
    const auto was = saved.find(std::string(option.name));
    const auto is = planned.find(std::string(option.name));
    if (was == saved.end() || is == planned.end() || was->second == is->second) continue;
    refuse(folder, fmt::format("another run ({} there, {} now)", was->second, is->second));
  }
  // What an option does depends on others: where these are the same, the same options are written.
  refuse(folder, "a run of another version of tapehead: its config.cfg has other options");
}

// What began it says it in plain words if that was another program, whose options may have had other names and
// defaults.
void require_same_program(const std::string& folder, const Provenance& now) {
  const std::string path = checkpoint_in(folder);
  if (!file_exists(path)) return;
  const CheckpointReader reader(path);
  if (const std::string other = difference(reader.origin(), now.program); !other.empty()) {
    refuse(folder, fmt::format("a run that was begun elsewhere: {}", other));
  }
}

void require_same_provenance(const std::string& folder, const Provenance& then, const Provenance& now) {
  const std::string other = difference(then, now);
  if (!other.empty()) refuse(folder, fmt::format("a run that cannot be compared: {}", other));
}

// The result that is there, if the run is finished.
std::optional<RunResult> result_of(const std::string& folder, const std::string& config, Split split,
                                   const Provenance& now) {
  StoredResult stored = read_result(result_in(folder));
  if (stored.split != split) {
    refuse(folder, fmt::format("the result on the {} split, not {}", name_of(stored.split), name_of(split)));
  }
  if (stored.config != config_fingerprint(config)) refuse(folder, "the result of a run with other options");
  require_same_provenance(folder, stored.made_with, now);
  return std::move(stored.result);
}

// A run that was stopped goes on only under the same conditions; of its data the checkpoint knows the digest alone.
void require_same_start(const std::string& folder, const Provenance& now) {
  const std::string path = checkpoint_in(folder);
  if (!file_exists(path)) return;
  const CheckpointReader reader(path);
  const auto data = reader.meta().texts.find("data_digest");
  if (data == reader.meta().texts.end() || data->second != now.data.digest) {
    refuse(folder, "a run that was begun on other data");
  }
}

Settings settings_of(const Run& cell, std::int64_t seed) {
  Settings settings = cell.settings;
  settings.resolve("seed", std::to_string(seed));
  return settings;
}

std::size_t index_of(std::vector<DataOrigin>& known, const DataOrigin& origin) {
  const auto found = std::ranges::find(known, origin);
  const auto index = static_cast<std::size_t>(found - known.begin());
  if (found == known.end()) known.push_back(origin);
  return index;
}

RunResult result_of(const Run& run, const RunOutcome& outcome) {
  for (const auto* kept : {&outcome.last, &outcome.best}) {
    if (!*kept) continue;
    if (std::string why = why_diverged((*kept)->evaluation, (*kept)->step); !why.empty())
      return {.diverged = std::move(why)};
  }
  const auto judgement = [](const KeptWeights& kept) {
    return judgement_of(kept.evaluation, fs::path(kept.checkpoint).filename().string(), kept.step,
                        kept.parameter_digest);
  };
  RunResult result{.judged = judgement(outcome.best ? *outcome.best : *outcome.last),
                   .steps = outcome.step,
                   .skipped_steps = outcome.skipped,
                   .parameters = run.model.layout().parameter_count(),
                   .seconds = outcome.seconds};
  if (result.judged.step != outcome.step) result.last = judgement(*outcome.last);
  return result;
}

void add_new(std::vector<std::string>& notices, std::vector<std::string> more) {
  for (std::string& notice : more) {
    if (std::ranges::count(notices, notice) == 0) notices.push_back(std::move(notice));
  }
}

void note_data(Ablation& ablation, const Dataset& dataset) {
  DataUse use = DataUse::only(ablation.split);
  use.training = use.validation = true;
  add_new(ablation.notices, data_notices(dataset, use));
  ablation.headlines.push_back(dataset.headline());
  ablation.seen_in_training.push_back(seen_in_training(dataset, ablation.split).value_or(0));
}

// Sequences of the split that a cell's model has too few positions for: said, and refused where they are all.
void note_too_long(Ablation& ablation, const Run& run, const std::string& name) {
  std::vector<std::int64_t> found = too_long_sequences(run.model, *run.dataset, ablation.split);
  const std::int64_t all = run.dataset->size(ablation.split);
  const std::int64_t positions = run.model.config().max_positions;
  const char* split = name_of(ablation.split);
  if (std::ssize(found) == all) {
    throw ConfigError(
        fmt::format("{}: none of the {} sequences fits into the model's {}, so there is nothing to judge; raise "
                    "max-positions",
                    name, split, counted(positions, "position")));
  }
  if (!found.empty()) {
    ablation.notices.push_back(fmt::format(
        "{}: {} of {} {} more than the model's {}; {} as wrong and {} no part of a loss (the first is {})", name,
        found.size(), counted(all, fmt::format("{} sequence", split)), found.size() == 1 ? "needs" : "need",
        counted(positions, "position"), found.size() == 1 ? "it counts" : "they count",
        found.size() == 1 ? "is" : "are", run.dataset->place(ablation.split, found.front())));
  }
  ablation.too_long.push_back(std::move(found));
}

// The tables are made of this grid alone: a run that is not in it would be lost from them.
void refuse_other_grid(const Ablation& ablation) {
  std::set<std::string> planned, others;
  for (const PlannedRun& run : ablation.runs) planned.insert(ablation.folder_of(run));
  std::error_code none;
  for (const auto& cell : fs::directory_iterator(ablation.folder, none)) {
    for (const auto& run : fs::directory_iterator(cell.path(), none)) {
      const std::string folder = run.path().string();
      const bool is_run = holds_run(folder) || file_exists(result_in(folder));
      if (is_run && !planned.contains(folder)) others.insert(fs::relative(run.path(), ablation.folder, none).string());
    }
  }
  if (others.empty()) return;
  throw ConfigError(fmt::format("{}: holds {} of another grid, such as {}; choose another --out", ablation.folder,
                                counted(others.size(), "run"), *others.begin()));
}

}  // namespace

std::string Ablation::name_of(const PlannedRun& run) const {
  return fmt::format("{} seed={}", cells[run.cell].name(variations), run.seed);
}

std::string Ablation::folder_of(const PlannedRun& run) const {
  return (fs::path(folder) / cells[run.cell].name(variations, '_') / fmt::format("seed={}", run.seed)).string();
}

const Fingerprint& Ablation::held_out_sequences(std::size_t cell) const {
  const DataOrigin& origin = data[data_of[cell]];
  return split == Split::test ? origin.test : origin.validation;
}

// Numbers of words mean nothing without the words; and a loss over few words is lower than one over many.
std::string Ablation::held_out(std::size_t cell) const {
  const DataOrigin& origin = data[data_of[cell]];
  std::string all = held_out_sequences(cell).digest + origin.source_words.digest + origin.target_words.digest;
  // No part of the loss: that of a model without room for the long ones is the loss of the short ones.
  for (const std::int64_t sequence : too_long[cell]) all += fmt::format(" {}", sequence);
  return fmt::format("{:016x}", digest_bytes(all));
}

Run DataCache::prepare(Settings settings) {
  settle(settings);
  std::string key = data_key(settings);
  const bool same = dataset_ && key == key_;
  Run run = prepare_run(std::move(settings), same ? dataset_ : nullptr);
  if (same) return run;
  key_ = std::move(key);
  dataset_ = run.dataset;
  origin_ = origin_of(*dataset_);
  return run;
}

std::int64_t count_runs(const Settings& base, std::span<const Variation> variations, std::int64_t seeds) {
  const auto last_seed = static_cast<double>(base.integer("seed")) + static_cast<double>(seeds - 1);
  if (const double most = find_option("seed")->range.high; last_seed > most) {
    throw ConfigError(
        fmt::format("{}: {} seeds from there on go beyond {:.0f}; begin lower", base.where("seed"), seeds, most));
  }
  const std::int64_t cells = grid_size(variations, kMostRuns + 1);
  if (cells > kMostRuns / seeds) {
    throw ConfigError(fmt::format("ablate: {}{} with {} each are more than {} runs; vary fewer values at a time",
                                  cells > kMostRuns ? "over " : "", counted(std::min(cells, kMostRuns), "cell"),
                                  counted(seeds, "seed"), kMostRuns));
  }
  return cells * seeds;
}

Ablation plan_ablation(const Settings& base, std::vector<Variation> variations, std::int64_t seeds, Split split,
                       const std::string& folder, DataCache& cache) {
  Ablation ablation{
      .base = base, .variations = std::move(variations), .seeds = seeds, .split = split, .folder = folder};
  ablation.cells = expand_grid(ablation.variations);
  std::unordered_map<std::string, std::size_t> configs;
  for (std::size_t cell = 0; cell < ablation.cells.size(); ++cell) {
    const std::string name = ablation.cells[cell].name(ablation.variations);
    if (name.size() > kLongestName) {
      throw ConfigError(fmt::format("ablate: {} options are too many to name a folder after; vary fewer at a time",
                                    ablation.variations.size()));
    }
    std::optional<Run> possible;
    try {
      possible = cache.prepare(ablation.cells[cell].settings(base, ablation.variations));
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("{}: {}", name, error.what()));
    }
    require_memory(memory_of(*possible), available_memory());
    if (possible->dataset->size(split) == 0) {
      throw ConfigError("ablate: the split to compare on holds no sequences; choose the other with --split");
    }
    add_new(ablation.notices, settings_notices(possible->settings));
    note_data(ablation, *possible->dataset);
    note_too_long(ablation, *possible, name);
    const auto [same, fresh] = configs.emplace(config_fingerprint(possible->settings.config_text()), cell);
    if (!fresh) {
      throw ConfigError(fmt::format("--vary: {} and {} are the same run; leave one of them out",
                                    ablation.cells[same->second].name(ablation.variations), name));
    }
    ablation.data_of.push_back(index_of(ablation.data, cache.origin()));
    const Provenance now = provenance_here(cache.origin(), possible->config.init);
    ablation.initial_weights = now.initial_weights;
    for (std::int64_t s = 0; s < seeds; ++s) {
      PlannedRun run{cell, base.integer("seed") + s};
      const std::string place = ablation.folder_of(run);
      if (file_exists(place)) {
        const std::string config = settings_of(*possible, run.seed).config_text();
        // First, since it says so if an earlier version wrote it, whose options had other names and defaults.
        if (file_exists(result_in(place))) {
          read_result(result_in(place));
        } else {
          require_same_program(place, now);
        }
        require_same_config(place, config);
        if (file_exists(result_in(place))) {
          run.result = result_of(place, config, split, now);
        } else {
          require_same_start(place, now);
        }
      }
      ablation.runs.push_back(std::move(run));
    }
  }
  refuse_other_grid(ablation);
  return ablation;
}

bool carry_out(Ablation& ablation, PlannedRun& planned, DataCache& cache, TrainingObserver& observer,
               const std::atomic<bool>* stop) {
  const std::string folder = ablation.folder_of(planned);
  Settings settings = ablation.cells[planned.cell].settings(ablation.base, ablation.variations);
  settings.resolve("seed", std::to_string(planned.seed));
  const Run run = cache.prepare(std::move(settings));
  const Provenance now = provenance_here(cache.origin(), run.config.init);
  Provenance then = now;
  then.data = ablation.data[ablation.data_of[planned.cell]];
  then.initial_weights = ablation.initial_weights;
  if (const std::string other = difference(then, now); !other.empty()) {
    throw ConfigError(fmt::format("the data have changed since the ablation began: {}; choose another --out", other));
  }
  ResultFolder place(folder, "ablate");
  StoredResult stored{.made_with = now,
                      .config = config_fingerprint(run.settings.config_text()),
                      .split = ablation.split,
                      .result = {}};
  try {
    const bool resume = file_exists(checkpoint_in(folder));
    const RunOutcome outcome = execute_run(run, place, resume, observer, stop, ablation.split);
    if (outcome.interrupted) return false;
    stored.result = result_of(run, outcome);
  } catch (const NonfiniteError& error) {
    stored.result = {.diverged = error.what()};
  }
  write_result(result_in(folder), stored);
  planned.result = std::move(stored.result);
  return true;
}

}  // namespace tapehead
