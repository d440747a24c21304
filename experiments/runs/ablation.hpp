#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/runs/grid.hpp"
#include "experiments/runs/result.hpp"
#include "experiments/runs/run.hpp"

namespace tapehead {

/// Most runs of one ablation.
inline constexpr std::int64_t kMostRuns = 100'000;

/// One run of the grid. Its folder says how far it got: result.json stands there once it is finished.
struct PlannedRun {
  std::size_t cell = 0;
  std::int64_t seed = 0;
  std::optional<RunResult> result = {};
};

/// A grid of runs with several seeds each.
struct Ablation {
  Settings base;
  std::vector<Variation> variations;
  std::int64_t seeds = 1;
  Split split = Split::test;
  std::string folder;
  std::vector<Cell> cells = {};
  std::vector<PlannedRun> runs = {};        ///< cell by cell, seed by seed
  std::vector<DataOrigin> data = {};        ///< the different data of the cells
  std::vector<std::size_t> data_of = {};    ///< for each cell, which of these
  std::vector<std::string> headlines = {};  ///< for each cell, the result that says most; see beside_loss()
  std::vector<std::vector<std::int64_t>> too_long =
      {};                                 ///< for each cell, sequences that its model has too few positions for
  std::string initial_weights = {};       ///< see Provenance
  std::vector<std::string> notices = {};  ///< about the options and data of any cell, each once
  std::vector<std::int64_t> seen_in_training = {};  ///< of each cell: sequences of the split that it is trained on

  /// What the results of a cell are judged on. Cells are compared only where it is the same.
  std::string held_out(std::size_t cell) const;
  const Fingerprint& held_out_sequences(std::size_t cell) const;
  const Fingerprint& target_words(std::size_t cell) const { return data[data_of[cell]].target_words; }

  std::string name_of(const PlannedRun& run) const;    ///< "heads=2 seed=1"
  std::string folder_of(const PlannedRun& run) const;  ///< FOLDER/heads=2/seed=1
  std::span<const PlannedRun> runs_of(std::size_t cell) const {
    return std::span(runs).subspan(cell * static_cast<std::size_t>(seeds), static_cast<std::size_t>(seeds));
  }
};

/// Data that were made last: neighbouring cells mostly share them.
class DataCache {
 public:
  /// The run of these settings, on data made anew if the last ones are others.
  Run prepare(Settings settings);
  /// Of the data that prepare() took last.
  const DataOrigin& origin() const { return origin_; }

 private:
  std::string key_;
  std::shared_ptr<const Dataset> dataset_;
  DataOrigin origin_;
};

/// Counts the runs of a grid without making it. Throws ConfigError if they are more than kMostRuns, or if the seeds go
/// beyond the last.
std::int64_t count_runs(const Settings& base, std::span<const Variation> variations, std::int64_t seeds);

/// Plans every run, reads the results that are there already, and throws, before any run, what is wrong with any of
/// them: ConfigError also for two cells that are the same run, and for a folder that holds a run of other options,
/// other data, another build of the program or another split, or one that is not of this grid. REQUIRES: count_runs()
/// passed.
Ablation plan_ablation(const Settings& base, std::vector<Variation> variations, std::int64_t seeds, Split split,
                       const std::string& folder, DataCache& cache);

/// Carries out one run, or goes on with it where it was stopped, and writes its result; that it diverged is one. False
/// if it was interrupted. Throws what a run throws, and ConfigError if the data are no longer those of the plan.
bool carry_out(Ablation& ablation, PlannedRun& run, DataCache& cache, TrainingObserver& observer,
               const std::atomic<bool>* stop);

}  // namespace tapehead
