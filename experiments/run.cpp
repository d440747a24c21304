#include "experiments/run.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint.hpp"

namespace tapehead {
namespace {

namespace fs = std::filesystem;

void write_config(const RunFolder& folder) { write_text_file(folder.path + "/config.cfg", folder.config); }

// Passes on what it hears, and keeps what the outcome is made of. Writes the configuration of a resumed run once it goes
// on: until then it may be refused, and is to stay as it was.
class Recorder : public TrainingObserver {
 public:
  Recorder(TrainingObserver& next, RunOutcome& outcome, const RunFolder& folder)
      : next_(next), outcome_(outcome), folder_(folder), config_is_due_(folder.resume) {}

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
  void on_checkpoint(const Progress& progress, const std::string& path) override {
    note(progress);
    next_.on_checkpoint(progress, path);
  }

 private:
  void note(const Progress& progress) {
    outcome_.step = progress.step;
    outcome_.seconds = progress.seconds;
  }

  TrainingObserver& next_;
  RunOutcome& outcome_;
  const RunFolder& folder_;
  bool config_is_due_;
};

template <RealScalar T>
RunOutcome execute(const Run& run, const RunFolder& folder, TrainingObserver& observer, const std::atomic<bool>* stop,
                   std::optional<Split> evaluate_on) {
  ParameterStore<T> parameters(run.model.layout());
  parameters.initialise(run.config.trainer.step.seed);
  RunOutcome outcome;
  outcome.checkpoint = checkpoint_in(folder.path);
  Recorder recorder(observer, outcome, folder);
  const TrainingOutcome end = train(run.model, parameters, *run.dataset, run.config.trainer, folder, recorder, stop);
  outcome.interrupted = end == TrainingOutcome::interrupted;
  if (!outcome.interrupted) outcome.step = run.config.trainer.steps;  // also when nothing was left to do
  outcome.parameter_digest = parameter_digest(parameters);
  if (!outcome.interrupted && evaluate_on) {
    WorkerPool workers(run.config.trainer.threads);
    outcome.held_out = evaluate(run.model, parameters, *run.dataset, *evaluate_on, workers);
  }
  return outcome;
}

}  // namespace

Run prepare_run(Settings settings) {
  settle(settings);
  RunConfig config = make_run_config(settings);
  std::unique_ptr<Dataset> dataset = make_dataset(config);
  fit_to_data(settings, config, *dataset);
  Model model(config.model);
  return {std::move(settings), std::move(config), std::move(dataset), std::move(model)};
}

RunOutcome execute_run(const Run& run, const std::string& folder, bool resume, TrainingObserver& observer,
                       const std::atomic<bool>* stop, std::optional<Split> evaluate_on) {
  make_folder(folder);
  const RunFolder place{.path = folder, .config = run.settings.config_text(), .resume = resume};
  if (!resume) write_config(place);
  return with_precision(run.config.double_precision, [&](auto scalar) {
    return execute<decltype(scalar)>(run, place, observer, stop, evaluate_on);
  });
}

std::string checkpoint_in(const std::string& folder) { return (fs::path(folder) / "checkpoint.h5").string(); }

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw ConfigError(fmt::format("{}: the folder cannot be made: {}", path, error.message()));
}

void write_text_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(fresh, path, error);
  if (!out || error)
    throw ConfigError(fmt::format("{}: cannot be written; check that there is room and permission", path));
}

}  // namespace tapehead
