#include "trainers/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "trainers/nonfinite.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kWarmUp = 0;  // no step of training: those are counted from 1

// Adds the time of a scope to a part of the profile, if there is one.
class PhaseTimer {
 public:
  PhaseTimer(StepProfile* profile, double StepProfile::*phase) : profile_(profile), phase_(phase) {
    if (profile_ != nullptr) begin_ = Clock::now();
  }
  ~PhaseTimer() {
    if (profile_ != nullptr) profile_->*phase_ += std::chrono::duration<double>(Clock::now() - begin_).count();
  }
  PhaseTimer(const PhaseTimer&) = delete;
  PhaseTimer& operator=(const PhaseTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  StepProfile* profile_;
  double StepProfile::*phase_;
  Clock::time_point begin_;
};

}  // namespace

Fields<StepOptions> StepOptions::fields() {
  return {
      {&StepOptions::batch,
       {.name = "batch",
        .range = {1, 1e6},
        .help = "sequences in a training step",
        .when = "lower it to save memory",
        .common = true}},
      {&StepOptions::clip,
       {.name = "clip",
        .range = {0, 1e9},
        .help = "largest norm of the gradient",
        .when = "1 is common where the loss jumps",
        .zero = "not clipped",
        .after = "weight-decay"}},
      {&StepOptions::label_smoothing,
       {.name = "label-smoothing",
        .range = NumberRange::share(),
        .help = "share of the target spread over all tokens",
        .when = "0.1 is common for translation"}},
      {&StepOptions::seed,
       {.name = "seed",
        .range = {0, 9e15},
        .help = "what every random number follows from",
        .when = "another one makes an independent run",
        .common = true,
        .after = "init-check"}},
      {&StepOptions::shards,
       {.name = "shards",
        .range = {0, 65536},
        .help = "parts that a batch is split into: as many threads can work at once",
        .when = "more for more threads",
        .zero = "the smaller of batch and 4",
        .zero_is_automatic = true}},
  };
}

template <RealScalar T>
TrainingStep<T>::TrainingStep(Objective<T> objective, ParameterStore<T>& parameters, const Dataset& dataset,
                              WorkerPool& workers, const StepOptions& options)
    : objective_(std::move(objective)),
      parameters_(parameters),
      dataset_(dataset),
      workers_(workers),
      options_(options),
      optimizer_(options.optimizer, parameters.layout()),
      gradient_(options.shards, workers.size(), parameters.layout().flat_size()),
      norm_(parameters.layout().flat_size()),
      losses_(static_cast<std::size_t>(options.shards)) {
  check_schedule(options.schedule);
  check_rate<T>(options.schedule);
  if (options.batch < 1) throw ConfigError(fmt::format("training: batch must be at least 1, not {}", options.batch));
  for (int worker = 0; worker < workers.size(); ++worker) tapes_.push_back(std::make_unique<Tape<T>>(parameters));
  batch_ = Batch(objective_.columns);
  warm_up();
}

// Shows every tape the largest shards that can come to its worker, so that no later step needs more memory.
template <RealScalar T>
void TrainingStep<T>::warm_up() {
  const ExampleShape& longest = dataset_.shape();
  batch_.reserve(options_.batch, longest);
  std::vector<std::pair<std::int64_t, std::int64_t>> loads = objective_.loads;
  loads.emplace_back(longest.source, longest.target);
  const std::vector<float> features(static_cast<std::size_t>(longest.channels * longest.features));
  for (const auto& [source, wanted] : loads) {
    const std::int64_t target = longest.ends ? wanted : std::max<std::int64_t>(wanted, 1);
    const std::vector<std::int32_t> source_ids(static_cast<std::size_t>(source), kUnknown);
    const std::vector<std::int32_t> target_ids(static_cast<std::size_t>(target), kUnknown);
    batch_.clear();
    for (std::int64_t i = 0; i < options_.batch; ++i) {
      batch_.append({.source = source_ids, .target = target_ids, .features = features});
    }
    gradient_.run(workers_, options_.batch,
                  [&](int worker, int shard, T* gradients) { shard_loss(worker, shard, gradients, kWarmUp); });
  }
  for (const auto& tape : tapes_) tape->reset();
}

// One shard, forward and backward. Its loss is its part of the mean over the whole batch.
template <RealScalar T>
T TrainingStep<T>::shard_loss(int worker, int shard, T* gradients, std::int64_t step) {
  const ExampleRange examples = shard_range(shard, options_.shards, batch_.examples());
  Tape<T>& tape = *tapes_[static_cast<std::size_t>(worker)];
  tape.reset();
  tape.bind_gradients(gradients);
  tape.set_workers(one_shard_only(options_.shards, batch_.examples()) ? &workers_ : nullptr);
  const Pass pass{.training = true,
                  .seed = options_.seed,
                  .step = static_cast<std::uint64_t>(step),
                  .every_layer = step == kWarmUp,
                  .first_example = examples.first};
  const Var<T> loss = objective_.loss(tape, batch_.view().slice(examples.first, examples.last), pass);
  tape.backward(loss);
  return loss.item();
}

template <RealScalar T>
void TrainingStep<T>::set_profile(StepProfile* profile) {
  profile_ = profile;
  if (profile != nullptr) profile->workers.resize(tapes_.size());
  for (std::size_t worker = 0; worker < tapes_.size(); ++worker) {
    tapes_[worker]->set_profile(profile != nullptr ? &profile->workers[worker] : nullptr);
  }
}

template <RealScalar T>
StepReport TrainingStep<T>::differentiate(std::int64_t step) {
  {
    const PhaseTimer timer(profile_, &StepProfile::batch);
    dataset_.fill_training_batch(options_.seed, static_cast<std::uint64_t>(step), options_.batch, batch_);
  }
  const PhaseTimer timer(profile_, &StepProfile::shards);
  std::fill(losses_.begin(), losses_.end(), 0.0);
  gradient_.run(workers_, batch_.examples(), [&](int worker, int shard, T* gradients) {
    losses_[static_cast<std::size_t>(shard)] = shard_loss(worker, shard, gradients, step);
  });
  StepReport report;
  for (const double loss : losses_) report.loss += loss;
  report.tokens = batch_.counted_tokens();
  return report;
}

// Runs the step again, this time watched.
template <RealScalar T>
void TrainingStep<T>::refuse_nonfinite(std::int64_t step, const StepReport& report) {
  std::vector<NonfiniteFinder<T>> finders;
  for (int shard = 0; shard < options_.shards; ++shard) {
    const ExampleRange examples = shard_range(shard, options_.shards, batch_.examples());
    finders.emplace_back(examples.first, examples.last - examples.first);
  }
  gradient_.run(workers_, batch_.examples(), [&](int worker, int shard, T* gradients) {
    Tape<T>& tape = *tapes_[static_cast<std::size_t>(worker)];
    tape.set_observer(&finders[static_cast<std::size_t>(shard)]);
    shard_loss(worker, shard, gradients, step);
    tape.set_observer(nullptr);
  });
  std::string where = "every op is finite, the sum of their gradients is not";
  for (const NonfiniteFinder<T>& finder : finders) {
    if (finder.found().empty()) continue;
    where = finder.found();
    break;
  }
  if (const std::string name = first_nonfinite_parameter(parameters_); !name.empty()) {
    where = fmt::format("the parameter {} held one before", name);
  }
  throw NonfiniteError(
      fmt::format("training: step {}: the loss is {} and the gradient's norm {}: {}; lower the learning "
                  "rate, clip, or leave out such steps (skip-nonfinite)",
                  step, number_text(report.loss), number_text(report.gradient_norm), where));
}

template <RealScalar T>
StepReport TrainingStep<T>::run(std::int64_t step, double learning_rate_share) {
  StepReport report = differentiate(step);
  {
    const PhaseTimer timer(profile_, &StepProfile::norm);
    report.gradient_norm = norm_(gradient_.total(), workers_);
  }
  report.learning_rate = learning_rate_share * learning_rate(options_.schedule, step);
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) refuse_nonfinite(step, report);
  const double scale = clip_scale(report.gradient_norm, options_.clip);
  if (const std::string found = optimizer_.overflow(gradient_.total(), report.gradient_norm, scale); !found.empty()) {
    throw NonfiniteError(fmt::format(
        "training: step {}: the gradient of {}, whose square is beyond the precision of training; lower the "
        "learning rate, clip, or leave out such steps (skip-nonfinite)",
        step, found));
  }
  const PhaseTimer timer(profile_, &StepProfile::update);
  optimizer_.update(parameters_.values(), gradient_.total(), report.learning_rate, scale, workers_);
  return report;
}

template <RealScalar T>
TrainingStep<T>::~TrainingStep() = default;

template class TrainingStep<float>;
template class TrainingStep<double>;

}  // namespace tapehead
