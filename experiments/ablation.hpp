#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/grid.hpp"
#include "experiments/run.hpp"
#include "experiments/statistics.hpp"

namespace tapehead {

/// What one finished run came to.
struct RunResult {
  Evaluation evaluation = {};  ///< on the split of the ablation
  std::int64_t steps = 0;
  std::int64_t parameters = 0;
  double seconds = 0;
  std::string parameter_digest = {};
  std::string diverged = {};  ///< why it came to nothing, if its loss or gradient was not finite; then the rest is empty
};

/// One run of the grid. Its folder says how far it got: result.json stands there once it is finished.
struct PlannedRun {
  std::size_t cell = 0;
  std::int64_t seed = 0;
  std::string folder;
  Settings settings;  ///< settled
  std::optional<RunResult> result;
};

/// A grid of runs with several seeds each.
struct Ablation {
  std::vector<Variation> variations;
  std::vector<Cell> cells;
  std::vector<PlannedRun> runs;  ///< cell by cell, seed by seed
  Split split = Split::test;
  std::vector<std::string> notices = {};            ///< about the data of any cell, each once; see data_notices
  std::vector<std::int64_t> seen_in_training = {};  ///< of each cell: sequences of the split that it is trained on
};

/// Plans every run, reads the results that are there already, and throws, before any run, what is wrong with any of
/// them: ConfigError also for a folder that holds a run of other options, or its result on another split.
Ablation plan_ablation(const Settings& base, std::vector<Variation> variations, std::int64_t seeds, Split split,
                       const std::string& folder);

/// Carries out one run, or goes on with it where it was stopped, and writes its result; that it diverged is one. False if
/// it was interrupted.
bool carry_out(PlannedRun& run, Split split, TrainingObserver& observer, const std::atomic<bool>* stop);

/// Finished runs of a cell that came to a result, and those that diverged.
std::int64_t finished_runs(const Ablation& ablation, std::size_t cell);
std::int64_t diverged_runs(const Ablation& ablation, std::size_t cell);

/// One figure over the seeds of a cell.
struct Figure {
  std::string name;  ///< snake_case
  Spread spread;
};

/// What the finished runs of a cell that did not diverge came to: loss, perplexity, token_accuracy, exact_match, seconds. Empty if none is
/// finished.
std::vector<Figure> figures_of(const Ablation& ablation, std::size_t cell);

/// Every finished run, and every cell with mean and standard deviation, as CSV.
std::string runs_csv(const Ablation& ablation);
std::string summary_csv(const Ablation& ablation);

}  // namespace tapehead
