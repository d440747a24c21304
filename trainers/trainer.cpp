#include "trainers/trainer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/checkpoint/resume_point.hpp"
#include "trainers/finite.hpp"
#include "trainers/goal.hpp"
#include "trainers/metrics/metrics.hpp"
#include "trainers/validation_history.hpp"

namespace tapehead {
namespace {

std::vector<std::string> words_of(const Vocabulary& vocabulary) {
  return {vocabulary.words().begin(), vocabulary.words().end()};
}

// Seconds of training before a checkpoint; older ones do not say.
double seconds_in(const std::map<std::string, double>& numbers) {
  const auto found = numbers.find("seconds");
  if (found == numbers.end()) return 0;
  if (std::isfinite(found->second) && found->second >= 0) return found->second;
  throw CheckpointError(fmt::format("checkpoint: its seconds of training are {}, which is no time", found->second));
}

Goal goal_of(const std::string& stop_when, const std::vector<MetricSpec>& metrics) {
  try {
    return parse_goal(stop_when, metrics);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("stop-when: {}", error.what()));
  }
}

bool is_of_outputs(const std::string& metric, const std::vector<MetricSpec>& metrics) {
  const auto found = std::ranges::find(metrics, metric, &MetricSpec::name);
  return found != metrics.end() && found->of_outputs;
}

// Results of outputs have columns where the run goes by one of them, which no resumption changes.
std::vector<MetricSpec> with_columns(std::vector<MetricSpec> metrics, const std::string& best_metric) {
  const bool outputs = is_of_outputs(best_metric, metrics);
  for (MetricSpec& metric : metrics) {
    if (metric.of_outputs && !outputs) metric.column = 0;
  }
  return metrics;
}

// One run: the step, and what happens around it every so often.
template <RealScalar T>
class Run {
 public:
  Run(const Learner<T>& learner, ParameterStore<T>& parameters, const Dataset& dataset, const TrainerOptions& options,
      const RunFolder& folder, TrainingObserver& observer)
      : learner_(learner),
        parameters_(parameters),
        dataset_(dataset),
        options_(options),
        folder_(folder),
        observer_(observer),
        workers_(options.threads),
        step_(learner.objective, parameters, dataset, workers_, options.step),
        history_(history_options(options, learner.metrics)),
        goal_(goal_of(options.stop_when, learner.metrics)) {
    if (options.steps < 0) throw ConfigError(fmt::format("training: steps must not be negative, is {}", options.steps));
    if (folder.resume) restore();
    progress_.steps = options.steps;
    progress_.first_step = done_;
    progress_.step = done_;
  }

  TrainingOutcome go(const std::atomic<bool>* stop) {
    stop_ = stop;
    metrics_.emplace(folder_.path + "/metrics.csv", with_columns(learner_.metrics, options_.best_metric),
                     validation_owed_ ? done_ - 1 : done_);
    begin_ = std::chrono::steady_clock::now();
    observer_.on_start(progress_);
    const bool steers = options_.early_stop > 0 || options_.step.schedule.kind == "plateau";
    if (const std::string notice = learner_.notice ? learner_.notice(steers) : ""; !notice.empty()) {
      observer_.on_warning(notice);
    }
    if (options_.steps == 0) save_latest();  // a run that is finished has a checkpoint
    if (validation_owed_ && !follow_up()) return TrainingOutcome::interrupted;
    while (done_ < options_.steps && !over()) {
      run_step();
      if (!follow_up()) return TrainingOutcome::interrupted;
    }
    return done_ < options_.steps ? TrainingOutcome::stopped_early : TrainingOutcome::finished;
  }

 private:
  static HistoryOptions history_options(const TrainerOptions& options, const std::vector<MetricSpec>& metrics) {
    const ScheduleOptions& schedule = options.step.schedule;
    const auto by = std::ranges::find(metrics, options.best_metric, &MetricSpec::name);
    if (by == metrics.end() || by->direction == Better::neither) {
      throw ConfigError(fmt::format("best-metric: \"{}\" is none of {}", options.best_metric,
                                    fmt::join(directed_metrics(metrics), ", ")));
    }
    return {.direction = by->direction,
            .min_improvement = options.min_improvement,
            .plateau = schedule.kind == "plateau",
            .plateau_factor = schedule.plateau_factor,
            .plateau_patience = schedule.plateau_patience,
            .early_stop = options.early_stop};
  }

  bool due(std::int64_t every) const { return every > 0 && done_ % every == 0; }

  bool over() const { return history_.should_stop() || goal_reached_; }

  bool stopping() const { return stop_ != nullptr && *stop_; }

  // What comes after a step. False: the run was interrupted, and is saved.
  bool follow_up() {
    const ValidationHistory before = history_;
    bool validation_due = false;
    bool best = false;
    bool last = false;
    try {
      validation_due = due(options_.validate_every);
      best = validation_due && validate_on_the_way();
      last = done_ == options_.steps || over();
      if (last) best |= validate_at_the_end(validation_due);
    } catch (const EvaluationStopped&) {
      // As if none had begun: resumed, the run does them all, and is the run that was never stopped.
      history_ = before;
      goal_reached_ = false;
      validation_owed_ = true;
      save_latest();
      return false;
    }
    validation_owed_ = false;
    note_best();
    tell_of_validation();
    if (last || validation_due || due(options_.log_every)) write_row(last || validation_due);
    const bool interrupted = stopping() && !last;
    // In this order: a run that is killed in between finds the same best again.
    if (best) save("best.h5");
    if (best || last || interrupted || due(options_.checkpoint_every)) save_latest();
    return !interrupted;
  }

  void run_step() {
    ++done_;
    progress_.step = done_;
    try {
      const StepReport report = step_.run(done_, history_.learning_rate_share());
      loss_sum_ += report.loss;
      ++loss_count_;
      progress_.loss = report.loss;
      progress_.learning_rate = report.learning_rate;
      progress_.gradient_norm = report.gradient_norm;
    } catch (const NonfiniteError& error) {
      if (progress_.skipped >= options_.skip_nonfinite) {
        throw NonfiniteError(fmt::format("{}; {}", error.what(), what_stays()));
      }
      ++progress_.skipped;
      progress_.loss = progress_.gradient_norm = std::numeric_limits<double>::quiet_NaN();
      progress_.learning_rate = history_.learning_rate_share() * learning_rate(options_.step.schedule, done_);
      observer_.on_skip(progress_, error.what());
      require_finite();  // leaving out steps mends no parameter: each that follows would go wrong as well
    }
    note_seconds();
    observer_.on_step(progress_);
  }

  void note_seconds() {
    progress_.seconds =
        progress_.seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  // Returns whether it was the best. What follows from the validations on the way must not depend on where the run
  // ends: each takes the same sequences.
  bool validate_on_the_way() {
    if (!validate(options_.validation_limit)) return false;
    goal_reached_ = goal_.reached_by(*validation_);
    return history_.record(done_, validation_->value(options_.best_metric));
  }

  // Returns whether it is the best of all that took the same sequences.
  bool validate_at_the_end(bool validated) {
    if (validated && options_.validation_limit == 0) return false;
    if (!validate(0)) return false;
    return options_.validation_limit == 0 && history_.record_end(done_, validation_->value(options_.best_metric));
  }

  bool validate(std::int64_t limit) {
    if (!learner_.validate || dataset_.size(Split::validation) == 0) return false;
    require_finite();
    validation_ =
        learner_.validate(parameters_, workers_, step_.tapes(),
                          {.limit = limit, .outputs = needs_outputs(options_, learner_.metrics), .stop = stop_});
    validated_step_ = done_;
    return true;
  }

  void tell_of_validation() {
    if (validated_step_ != done_) return;
    progress_.validation = &*validation_;
    observer_.on_validation(progress_);
  }

  void note_best() {
    progress_.best_step = history_.kept_step();
    progress_.best_value = history_.kept_value();
  }

  void write_row(bool validated) {
    metrics_->write({.step = done_,
                     .learning_rate = progress_.learning_rate,
                     .train_loss = loss_count_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                    : loss_sum_ / static_cast<double>(loss_count_),
                     .gradient_norm = progress_.gradient_norm,
                     .seconds = progress_.seconds,
                     .validation = validated && validation_ ? &*validation_ : nullptr});
    loss_sum_ = 0;
    loss_count_ = 0;
  }

  // What the last step left behind is neither judged nor saved unless it can be computed with.
  void require_finite() {
    std::string name = first_nonfinite_parameter(parameters_);
    for (const Moment<T>& moment : step_.optimizer().moments()) {
      if (!name.empty()) break;
      const ParameterRange* range = first_nonfinite_range(parameters_.layout(), moment.values);
      if (range != nullptr) name = fmt::format("{} of {}", moment.name, range->name);
    }
    if (name.empty()) return;
    throw NonfiniteError(
        fmt::format("training: step {} left a number in {} that is not finite; lower the learning rate, clip, or raise "
                    "adam-epsilon; {}",
                    done_, name, what_stays()));
  }

  void save_latest() {
    note_seconds();
    metrics_->flush_to_disk();
    save("checkpoint.h5");
    saved_step_ = done_;
  }

  std::string what_stays() const {
    return saved_step_ ? fmt::format("the checkpoint of step {} stays", *saved_step_)
                       : "no checkpoint was saved before";
  }

  void save(const char* name) {
    require_finite();
    const std::string path = folder_.path + "/" + name;
    CheckpointMeta meta;
    meta.config = folder_.config;
    meta.step = static_cast<std::uint64_t>(done_);
    meta.source_vocabulary = words_of(dataset_.source_vocabulary());
    meta.target_vocabulary = words_of(dataset_.target_vocabulary());
    meta.numbers = {{"threads", static_cast<double>(workers_.size())},
                    {"loss_sum", loss_sum_},
                    {"loss_count", static_cast<double>(loss_count_)},
                    {"skipped_steps", static_cast<double>(progress_.skipped)},
                    {"updates", static_cast<double>(step_.optimizer().updates())},
                    {"seconds", progress_.seconds}};
    if (validation_owed_) {  // what its row of metrics.csv is made of
      meta.numbers["validation_owed"] = 1;
      meta.numbers["learning_rate"] = progress_.learning_rate;
      // Of a step that was left out there is neither, and a checkpoint holds finite numbers alone.
      if (std::isfinite(progress_.loss)) meta.numbers["loss"] = progress_.loss;
      if (std::isfinite(progress_.gradient_norm)) meta.numbers["gradient_norm"] = progress_.gradient_norm;
    }
    history_.store(meta.numbers);
    meta.texts = {{"data_digest", fmt::format("{:016x}", dataset_.digest())}, {"best_metric", options_.best_metric}};
    if (goal_reached_) meta.texts["goal_reached"] = options_.stop_when;
    save_checkpoint(path, meta, parameters_, step_.optimizer());
    observer_.on_checkpoint(progress_, path);
  }

  void restore() {
    const std::string path = folder_.path + "/checkpoint.h5";
    const CheckpointReader reader(path);
    const CheckpointMeta& meta = reader.meta();
    const std::string digest = fmt::format("{:016x}", dataset_.digest());
    if (const auto saved = meta.texts.find("data_digest"); saved == meta.texts.end() || saved->second != digest) {
      throw CheckpointError(
          fmt::format("resume: {} was trained on other data; give the same files and options as before", path));
    }
    const auto by = meta.texts.find("best_metric");
    const std::string best_metric = by == meta.texts.end() ? "loss" : by->second;  // older ones know no other
    if (best_metric != options_.best_metric) {
      throw CheckpointError(
          fmt::format("resume: {} has chosen its best weights by {}; give the same best-metric, not {}", path,
                      best_metric, options_.best_metric));
    }
    reader.load(parameters_, step_.optimizer());
    if (const std::string other = difference(reader.origin(), this_origin()); !other.empty()) {
      observer_.on_warning(
          fmt::format("resume: {} was written by another: {}; the last bits may come out otherwise than "
                      "without the stop",
                      path, other));
    }
    const ResumePoint point = resume_point(reader);
    done_ = point.step;
    loss_sum_ = point.loss_sum;
    loss_count_ = point.loss_count;
    progress_.skipped = point.skipped;
    step_.optimizer().set_updates(point.updates);
    progress_.seconds = progress_.seconds_before = seconds_in(meta.numbers);
    saved_step_ = done_;
    validation_owed_ = point.validation_owed;
    progress_.loss = point.loss;
    progress_.learning_rate = point.learning_rate;
    progress_.gradient_norm = point.gradient_norm;
    history_.restore(meta.numbers);
    const auto reached = meta.texts.find("goal_reached");  // by this goal: another one is still ahead
    goal_reached_ = reached != meta.texts.end() && reached->second == options_.stop_when;
    note_best();
  }

  const Learner<T>& learner_;
  ParameterStore<T>& parameters_;
  const Dataset& dataset_;
  const TrainerOptions& options_;
  const RunFolder& folder_;
  TrainingObserver& observer_;
  WorkerPool workers_;
  TrainingStep<T> step_;
  ValidationHistory history_;
  Goal goal_;
  bool goal_reached_ = false;
  std::optional<MetricsFile> metrics_;
  std::int64_t done_ = 0;
  double loss_sum_ = 0;  // since the last row of metrics.csv
  std::int64_t loss_count_ = 0;
  std::optional<std::int64_t> saved_step_;  // of checkpoint.h5
  Progress progress_;
  std::chrono::steady_clock::time_point begin_;
  std::optional<Evaluation> validation_;
  bool validation_owed_ = false;  // stopped in what comes after the last step
  const std::atomic<bool>* stop_ = nullptr;
  std::int64_t validated_step_ = 0;
};

}  // namespace

bool needs_outputs(const TrainerOptions& options, const std::vector<MetricSpec>& metrics) {
  return is_of_outputs(options.best_metric, metrics) ||
         is_of_outputs(goal_of(options.stop_when, metrics).metric, metrics);
}

template <RealScalar T>
TrainingOutcome train(const Learner<T>& learner, ParameterStore<T>& parameters, const Dataset& dataset,
                      const TrainerOptions& options, const RunFolder& folder, TrainingObserver& observer,
                      const std::atomic<bool>* stop) {
  return Run<T>(learner, parameters, dataset, options, folder, observer).go(stop);
}

template TrainingOutcome train(const Learner<float>&, ParameterStore<float>&, const Dataset&, const TrainerOptions&,
                               const RunFolder&, TrainingObserver&, const std::atomic<bool>*);
template TrainingOutcome train(const Learner<double>&, ParameterStore<double>&, const Dataset&, const TrainerOptions&,
                               const RunFolder&, TrainingObserver&, const std::atomic<bool>*);

}  // namespace tapehead
