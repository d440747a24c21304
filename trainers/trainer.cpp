#include "trainers/trainer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint.hpp"
#include "trainers/metrics.hpp"

namespace tapehead {
namespace {

std::vector<std::string> words_of(const Vocabulary& vocabulary) {
  return {vocabulary.words().begin(), vocabulary.words().end()};
}

double number_in(const CheckpointMeta& meta, const std::string& name, const std::string& path) {
  const auto at = meta.numbers.find(name);
  if (at != meta.numbers.end()) return at->second;
  throw CheckpointError(fmt::format("resume: {} does not say {}; it can be evaluated, not gone on with", path, name));
}

// One run: the step, and what happens around it every so often.
template <RealScalar T>
class Run {
 public:
  Run(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, const TrainerOptions& options,
      const RunFolder& folder, TrainingObserver& observer)
      : model_(model),
        parameters_(parameters),
        dataset_(dataset),
        options_(options),
        folder_(folder),
        observer_(observer),
        workers_(options.threads),
        step_(model, parameters, dataset, workers_, options.step) {
    if (options.steps < 0) throw ConfigError(fmt::format("training: steps must not be negative, is {}", options.steps));
    if (folder.resume) restore();
  }

  TrainingOutcome go(const std::atomic<bool>* stop) {
    MetricsFile metrics(folder_.path + "/metrics.csv", done_);
    const auto begin = std::chrono::steady_clock::now();
    Progress progress{.steps = options_.steps, .first_step = done_};
    if (options_.steps == 0) save(progress);  // a run that is finished has a checkpoint
    while (done_ < options_.steps) {
      const StepReport report = step_.run(done_ + 1);
      ++done_;
      loss_sum_ += report.loss;
      ++loss_count_;

      progress.step = done_;
      progress.loss = report.loss;
      progress.learning_rate = report.learning_rate;
      progress.gradient_norm = report.gradient_norm;
      progress.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      observer_.on_step(progress);

      const bool last = done_ == options_.steps;
      if (last || due(options_.validate_every)) validate(progress, last);
      if (last || due(options_.validate_every) || due(options_.log_every)) write_row(metrics, progress);
      const bool interrupted = stop != nullptr && *stop && !last;
      if (last || interrupted || due(options_.checkpoint_every)) save(progress);
      if (interrupted) return TrainingOutcome::interrupted;
    }
    return TrainingOutcome::finished;
  }

 private:
  bool due(std::int64_t every) const { return every > 0 && done_ % every == 0; }

  void validate(Progress& progress, bool last) {
    if (dataset_.size(Split::validation) == 0) return;
    validation_ = evaluate(model_, parameters_, dataset_, Split::validation, workers_,
                           {.limit = last ? 0 : options_.validation_limit});
    progress.validation = &*validation_;
    observer_.on_validation(progress);
  }

  void write_row(MetricsFile& metrics, const Progress& progress) {
    const bool validated = done_ == options_.steps || due(options_.validate_every);
    metrics.write({.step = done_,
                   .learning_rate = progress.learning_rate,
                   .train_loss = loss_sum_ / static_cast<double>(loss_count_),
                   .gradient_norm = progress.gradient_norm,
                   .seconds = progress.seconds,
                   .validation = validated && validation_ ? &*validation_ : nullptr});
    loss_sum_ = 0;
    loss_count_ = 0;
  }

  void save(const Progress& progress) {
    const std::string path = folder_.path + "/checkpoint.h5";
    CheckpointMeta meta;
    meta.config = folder_.config;
    meta.step = static_cast<std::uint64_t>(done_);
    meta.source_vocabulary = words_of(dataset_.source_vocabulary());
    meta.target_vocabulary = words_of(dataset_.target_vocabulary());
    meta.numbers = {{"loss_sum", loss_sum_}, {"loss_count", static_cast<double>(loss_count_)}};
    meta.texts = {{"data_digest", fmt::format("{:016x}", dataset_.digest())}};
    save_checkpoint(path, meta, parameters_, step_.optimizer());
    observer_.on_checkpoint(progress, path);
  }

  void restore() {
    const std::string path = folder_.path + "/checkpoint.h5";
    const CheckpointReader reader(path);
    const CheckpointMeta& meta = reader.meta();
    const std::string digest = fmt::format("{:016x}", dataset_.digest());
    if (const auto saved = meta.texts.find("data_digest"); saved == meta.texts.end() || saved->second != digest) {
      throw CheckpointError(fmt::format("resume: {} was trained on other data; give the same files and options as before",
                                        path));
    }
    reader.load(parameters_, step_.optimizer());
    done_ = static_cast<std::int64_t>(meta.step);
    loss_sum_ = number_in(meta, "loss_sum", path);
    loss_count_ = static_cast<std::int64_t>(number_in(meta, "loss_count", path));
  }

  const Model& model_;
  ParameterStore<T>& parameters_;
  const Dataset& dataset_;
  const TrainerOptions& options_;
  const RunFolder& folder_;
  TrainingObserver& observer_;
  WorkerPool workers_;
  TrainingStep<T> step_;
  std::int64_t done_ = 0;
  double loss_sum_ = 0;  // since the last row of metrics.csv
  std::int64_t loss_count_ = 0;
  std::optional<Evaluation> validation_;
};

}  // namespace

template <RealScalar T>
TrainingOutcome train(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset,
                      const TrainerOptions& options, const RunFolder& folder, TrainingObserver& observer,
                      const std::atomic<bool>* stop) {
  return Run<T>(model, parameters, dataset, options, folder, observer).go(stop);
}

template TrainingOutcome train(const Model&, ParameterStore<float>&, const Dataset&, const TrainerOptions&,
                               const RunFolder&, TrainingObserver&, const std::atomic<bool>*);
template TrainingOutcome train(const Model&, ParameterStore<double>&, const Dataset&, const TrainerOptions&,
                               const RunFolder&, TrainingObserver&, const std::atomic<bool>*);

}  // namespace tapehead
