#include "experiments/runs/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "autograd/base/errors.hpp"
#include "autograd/base/limits.hpp"
#include "autograd/base/output_file.hpp"
#include "experiments/options/conditions.hpp"
#include "experiments/runs/folder_lock.hpp"
#include "experiments/runs/initial_weights.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/trainer.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

void write_config(const RunFolder& folder) { write_file(config_in(folder.path), folder.config); }

// Passes on what it hears, and keeps what the outcome is made of. Writes the configuration of a resumed run once it
// goes on: until then it may be refused, and is to stay as it was.
class Recorder : public TrainingObserver {
 public:
  Recorder(TrainingObserver& next, RunOutcome& outcome, const RunFolder& folder)
      : next_(next), outcome_(outcome), folder_(folder), config_is_due_(folder.resume) {}

  void on_start(const Progress& progress) override {
    note(progress);
    next_.on_start(progress);
  }
  void on_step(const Progress& progress) override {
    if (config_is_due_) write_config(folder_);
    config_is_due_ = false;
    note(progress);
    next_.on_step(progress);
  }
  void on_validation(const Progress& progress) override {
    outcome_.validation = *progress.validation;
    next_.on_validation(progress);
  }
  void on_warning(const std::string& text) override { next_.on_warning(text); }
  void on_skip(const Progress& progress, const std::string& why) override { next_.on_skip(progress, why); }
  void on_checkpoint(const Progress& progress, const std::string& path) override {
    note(progress);
    next_.on_checkpoint(progress, path);
  }

 private:
  void note(const Progress& progress) {
    outcome_.step = progress.step;
    outcome_.first_step = progress.first_step;
    outcome_.seconds = progress.seconds;
    outcome_.skipped = progress.skipped;
    outcome_.best_step = progress.best_step;
    outcome_.best_value = progress.best_value;
  }

  TrainingObserver& next_;
  RunOutcome& outcome_;
  const RunFolder& folder_;
  bool config_is_due_;
};

// Judges the last weights and, where others were kept as the best, these too; they are in `parameters` afterwards.
template <RealScalar T>
void judge(const Run& run, const RunFolder& folder, ParameterStore<T>& parameters, Split split,
           const std::atomic<bool>* stop, RunOutcome& outcome) {
  WorkerPool workers(run.config.trainer.threads);
  EvaluationOptions options = evaluation_like(run.config.trainer.step, run.model, *run.dataset);
  options.stop = stop;
  options.outputs = needs_outputs(run.config.trainer, evaluation_metrics());
  options.slices = true;
  const auto judged = [&](std::string path, std::int64_t step) {
    return KeptWeights{std::move(path), step, parameter_digest(parameters),
                       evaluate(run.model, parameters, *run.dataset, split, workers, options)};
  };
  outcome.last = judged(checkpoint_in(folder.path), outcome.step);
  if (outcome.best_step == 0) return;
  const std::string path = best_in(folder.path);
  if (outcome.best_step == outcome.step) {
    outcome.best = outcome.last;
    outcome.best->checkpoint = path;
    return;
  }
  const CheckpointReader reader(path);
  if (static_cast<std::int64_t>(reader.meta().step) != outcome.best_step) {
    throw CheckpointError(fmt::format(
        "{}: holds step {}, but the best of this run was step {}; remove the folder, and the run is made again", path,
        reader.meta().step, outcome.best_step));
  }
  reader.load(parameters);
  outcome.best = judged(path, outcome.best_step);
}

template <RealScalar T>
RunOutcome execute(const Run& run, ResultFolder& place, const RunFolder& folder, TrainingObserver& observer,
                   const std::atomic<bool>* stop, std::optional<Split> evaluate_on) {
  ParameterStore<T> parameters(run.model.layout());
  if (!folder.resume) set_initial_weights(run, parameters, observer);
  place.make();
  if (const auto warning = place.warning()) observer.on_warning(*warning);
  if (!folder.resume) write_config(folder);
  RunOutcome outcome;
  outcome.checkpoint = checkpoint_in(folder.path);
  outcome.best_checkpoint = best_in(folder.path);
  outcome.best_metric = run.config.trainer.best_metric;
  Recorder recorder(observer, outcome, folder);
  const TrainingOutcome end = train(run.model, parameters, *run.dataset, run.config.trainer, folder, recorder, stop);
  outcome.interrupted = end == TrainingOutcome::interrupted;
  outcome.stopped_early = end == TrainingOutcome::stopped_early;
  outcome.parameter_digest = parameter_digest(parameters);
  if (outcome.interrupted || !evaluate_on) return outcome;
  try {
    judge(run, folder, parameters, *evaluate_on, stop, outcome);
  } catch (const EvaluationStopped&) {
    outcome.interrupted = true;
  }
  return outcome;
}

}  // namespace

Run prepare_run(Settings settings, std::shared_ptr<const Dataset> dataset) {
  settle(settings);
  RunConfig config = make_run_config(settings);
  if (!dataset) dataset = make_dataset(config);
  fit_to_data(settings, config, *dataset);
  Model model = saying_origins(settings, [&] {
    check_precision(config);
    return Model(config.model);
  });
  return {std::move(settings), std::move(config), std::move(dataset), std::move(model)};
}

MemoryEstimate memory_of(const Run& run, std::optional<Split> evaluate_on) {
  const Dataset& data = *run.dataset;
  const BatchLayout layout = batch_layout(run.model, data);
  const std::int64_t scalar = run.config.double_precision ? sizeof(double) : sizeof(float);
  const int threads = run.config.trainer.threads;
  MemoryEstimate estimate =
      estimate_memory(run.model, run.config.trainer.step, column_lengths(layout, data.shape()), threads, scalar);
  for (const Split split : {Split::validation, evaluate_on.value_or(Split::validation)}) {
    const double evaluation = memory_to_evaluate(run.model, run.config.trainer.step, data, split, threads, scalar);
    estimate.evaluation = std::max(estimate.evaluation, evaluation - estimate.tapes);
  }
  return estimate;
}

double memory_to_evaluate(const Model& model, const StepOptions& step, const Dataset& data, Split split, int threads,
                          std::int64_t scalar) {
  const BatchLayout layout = batch_layout(model, data);
  SequenceLengths longest = column_lengths(layout, data.shape());
  // Only a model with positions to spare takes longer sequences than those.
  if (std::max(longest.source, longest.target) < model.config().max_positions) {
    for (std::int64_t i = 0; i < data.size(split); ++i) {
      const ExampleShape shape = shape_of(data.shape(), data.example(split, i).view());
      if (!fits(model, layout, shape)) continue;
      const SequenceLengths columns = column_lengths(layout, shape);
      longest = {std::max(longest.source, columns.source), std::max(longest.target, columns.target)};
    }
  }
  return estimate_evaluation(model, step, longest, data.size(split), threads, scalar);
}

RunOutcome execute_run(const Run& run, ResultFolder& folder, bool resume, TrainingObserver& observer,
                       const std::atomic<bool>* stop, std::optional<Split> evaluate_on) {
  require_memory(memory_of(run, evaluate_on), available_memory());
  const RunFolder place{.path = folder.path(), .config = run.settings.config_text(), .resume = resume};
  return with_precision(run.config.double_precision, [&](auto scalar) {
    return execute<decltype(scalar)>(run, folder, place, observer, stop, evaluate_on);
  });
}

std::string checkpoint_of(const std::string& subject) {
  if (subject.empty()) throw ConfigError("a run folder or a checkpoint is missing: name it after the command");
  if (!is_folder(subject)) return subject;
  return file_exists(best_in(subject)) ? best_in(subject) : checkpoint_in(subject);
}

std::string checkpoint_in(const std::string& folder) { return (fs::path(folder) / "checkpoint.h5").string(); }
std::string best_in(const std::string& folder) { return (fs::path(folder) / "best.h5").string(); }
std::string config_in(const std::string& folder) { return (fs::path(folder) / "config.cfg").string(); }

bool holds_run(const std::string& folder) {
  return file_exists(checkpoint_in(folder)) || file_exists(best_in(folder)) || file_exists(config_in(folder));
}

bool holds_ablation(const std::string& folder) { return file_exists((fs::path(folder) / "runs.csv").string()); }

void make_out_folder(const std::string& path) {
  try {
    make_folder(path);
  } catch (const FileError& error) {
    throw ConfigError(fmt::format("{}; choose another --out", error.what()));
  }
}

}  // namespace tapehead
