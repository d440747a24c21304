#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"
#include "trainers/learner.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/optimizer.hpp"
#include "trainers/schedule.hpp"
#include "trainers/step.hpp"
#include "trainers/validation_history.hpp"

namespace tapehead {

struct TrainerOptions {
  std::int64_t steps = 1000;
  StepOptions step = {};
  std::int64_t validate_every = 0;    ///< steps between validations; 0: at the end only
  std::int64_t validation_limit = 0;  ///< sequences used for those on the way; 0: all
  std::int64_t log_every = 50;        ///< steps between rows of metrics.csv
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints; 0: at the end and when interrupted only
  std::string best_metric = "loss";   ///< the validation result that chooses best.h5 and steers early stop and plateau
  double min_improvement = 0;         ///< see HistoryOptions, as is
  std::int64_t early_stop = 0;
  std::string stop_when = {};       ///< validation result on the way that ends the training: see parse_goal()
  std::int64_t skip_nonfinite = 0;  ///< steps that may be left out because their loss or gradient is not finite
  int threads = 1;

  static Fields<TrainerOptions> fields();
};

/// Where a run lives on disk.
struct RunFolder {
  std::string path;
  std::string config = {};  ///< text of config.cfg, kept in every checkpoint
  bool resume = false;
};

/// Where a run stands, for whoever shows it.
struct Progress {
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double loss = 0;  ///< of this step's batch
  double learning_rate = 0;
  double gradient_norm = 0;
  std::int64_t skipped = 0;                ///< steps left out so far
  double seconds = 0;                      ///< of training so far, over all its parts
  double seconds_before = 0;               ///< of them, in the parts before it was resumed
  std::int64_t first_step = 0;             ///< steps done in those
  const Evaluation* validation = nullptr;  ///< the latest one, if any
  std::int64_t best_step = 0;              ///< step whose weights best.h5 holds; 0: there is none
  double best_value = 0;                   ///< their validation result by best_metric, if there are any
};

/// Whether its validations need results of outputs, for which every sequence is decoded.
bool needs_outputs(const TrainerOptions& options, const std::vector<MetricSpec>& metrics);

/// Hears of a run as it goes; the calls come from the thread that called train().
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  /// Before the first step, of a resumed run too.
  virtual void on_start(const Progress&) {}
  virtual void on_step(const Progress&) {}
  /// A line that the user ought to know.
  virtual void on_warning(const std::string& text) { (void)text; }
  /// Once a step at most: the last step may be validated twice, on the few sequences of those on the way and on all,
  /// and only the latter is told.
  virtual void on_validation(const Progress&) {}
  /// A step was left out; `why` is a line.
  virtual void on_skip(const Progress&, const std::string& why) { (void)why; }
  virtual void on_checkpoint(const Progress&, const std::string& path) { (void)path; }
};

enum class TrainingOutcome { finished, stopped_early, interrupted };

/// Trains `parameters` (initialised, or overwritten from the checkpoint when folder.resume) for options.steps steps, or
/// until options.best_metric has got no better for options.early_stop validations or one of them reaches
/// options.stop_when: writes metrics.csv and checkpoint.h5 into the folder, and best.h5 whenever one of the validations
/// every so many steps finds the best result so far, and at the end if that was validated on the same sequences and is
/// better still. Stops after the step in which *stop becomes true, having saved; a validation is broken off, and done
/// again when the run is resumed. The same options, data and seed give the same parameters to the bit, with any number
/// of threads, stopped and resumed or not. Throws ConfigError, DataError, CheckpointError or NonfiniteError; what was
/// saved stays.
template <RealScalar T>
TrainingOutcome train(const Learner<T>& learner, ParameterStore<T>& parameters, const Dataset& dataset,
                      const TrainerOptions& options, const RunFolder& folder, TrainingObserver& observer,
                      const std::atomic<bool>* stop = nullptr);

/// A model, by cross-entropy: see learner_of().
template <RealScalar T>
TrainingOutcome train(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset,
                      const TrainerOptions& options, const RunFolder& folder, TrainingObserver& observer,
                      const std::atomic<bool>* stop = nullptr) {
  return train(learner_of<T>(model, dataset, options.step), parameters, dataset, options, folder, observer, stop);
}

}  // namespace tapehead
