#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "experiments/options/run_config.hpp"
#include "layers/models/model.hpp"
#include "trainers/memory.hpp"
#include "trainers/metrics/result.hpp"
#include "trainers/training_observer.hpp"

namespace tapehead {

/// A run that was found possible: its data are made and its model fits them.
struct Run {
  Settings settings;
  RunConfig config;
  std::shared_ptr<const Dataset> dataset;
  Model model;
};

/// Settles the settings and makes data and model. Throws what is wrong with them, before anything is written. Data that
/// were made before can be given. REQUIRES: they are those of the settings.
Run prepare_run(Settings settings, std::shared_ptr<const Dataset> dataset = nullptr);

/// What training it would take, with validations and an evaluation afterwards; see estimate_memory.
MemoryEstimate memory_of(const Run& run, std::optional<Split> evaluate_on = {});

/// What evaluating on a split takes beside the parameters; see estimate_evaluation.
double memory_to_evaluate(const Model& model, const StepOptions& step, const Dataset& data, Split split, int threads,
                          std::int64_t scalar_bytes);

/// Weights that a run kept, and how well they do.
struct KeptWeights {
  std::string checkpoint;  ///< path
  std::int64_t step = 0;
  std::string parameter_digest;
  Evaluation evaluation;
};

class ResultFolder;

struct RunOutcome {
  bool interrupted = false;
  bool stopped_early = false;
  double seconds = 0;                    ///< of training, over all its parts
  std::int64_t first_step = 0;           ///< steps done before this part of the run
  std::int64_t step = 0;                 ///< steps done
  std::int64_t skipped = 0;              ///< of them left out because they were not finite
  std::optional<Evaluation> validation;  ///< the last one, if there was any
  std::int64_t best_step = 0;            ///< whose weights best.h5 holds; 0: no validation on the way kept any
  std::string best_metric = {};          ///< the result that they were chosen by
  double best_value = 0;                 ///< their validation result by it
  std::optional<KeptWeights> last;       ///< on `evaluate_on` below, if the run was finished
  std::optional<KeptWeights> best;       ///< the same for best.h5, if it was kept
  std::string checkpoint;                ///< path of the last weights
  std::string best_checkpoint;           ///< path of the best ones, where there are any
  std::string parameter_digest;
};

/// Trains in `folder`, which is made and locked if need be, with config.cfg beside the results. Afterwards evaluates on
/// a split. Nothing is written when the weights to start from cannot be taken: CheckpointError, or ConfigError if their
/// words are not those of the data. CheckpointError also if best.h5 is missing or is not the best of this run.
RunOutcome execute_run(const Run& run, ResultFolder& folder, bool resume, TrainingObserver& observer,
                       const std::atomic<bool>* stop, std::optional<Split> evaluate_on = {});

/// What a run folder holds: the latest checkpoint, the best one, the configuration.
std::string checkpoint_in(const std::string& folder);
std::string best_in(const std::string& folder);
std::string config_in(const std::string& folder);

/// Whether a folder holds a run, or an ablation: neither is put where the other is.
bool holds_run(const std::string& folder);
bool holds_ablation(const std::string& folder);

/// Makes the folder that results go to, with those above it. Throws ConfigError.
void make_out_folder(const std::string& path);

/// The checkpoint that people mean by the name of a run folder or of a file: of a folder the best weights, if any were
/// kept, else the last. Throws ConfigError for an empty name.
std::string checkpoint_of(const std::string& subject);

}  // namespace tapehead
