#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "autograd/shards.hpp"
#include "datasets/batch.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"
#include "trainers/clipping.hpp"
#include "trainers/objective.hpp"
#include "trainers/optimizer.hpp"
#include "trainers/step_options.hpp"
#include "trainers/step_profile.hpp"

namespace tapehead {

struct StepReport {
  double loss = 0;  ///< of the batch: a model's is the mean over its counted tokens
  double gradient_norm = 0;
  double learning_rate = 0;
  std::int64_t tokens = 0;
};

/// One training step: draws the batch, runs its shards forward and backward on the workers, sums their gradients along
/// a fixed tree, clips, and updates the parameters. Nothing is allocated once it is made.
template <RealScalar T>
class TrainingStep {
 public:
  /// Any loss over the parameters. Throws ConfigError for options that make no step.
  TrainingStep(Objective<T> objective, ParameterStore<T>& parameters, const Dataset& dataset, WorkerPool& workers,
               const StepOptions& options);
  /// The loss of a model: see objective_of().
  TrainingStep(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, WorkerPool& workers,
               const StepOptions& options)
      : TrainingStep(objective_of<T>(model, dataset, options.label_smoothing), parameters, dataset, workers, options) {}

  ~TrainingStep();

  /// Runs step `step`, counted from 1, and updates the parameters, at `learning_rate_share` times the scheduled rate.
  /// Throws NonfiniteError, with the first op that made it, when the loss or the gradient is not finite, and when a
  /// square of the gradient that the optimizer needs would not be; everything is then as before.
  StepReport run(std::int64_t step, double learning_rate_share = 1);

  /// Loss and gradient of one batch at `step`; the parameters stay as they are.
  StepReport differentiate(std::int64_t step);
  /// The gradient that the last call left, flat and laid out as the parameters.
  const T* gradient() const { return gradient_.total(); }

  Optimizer<T>& optimizer() { return optimizer_; }
  /// Its tapes, for whoever works between two steps: empty them first.
  Tapes<T> tapes() const { return tapes_; }

  /// Adds the times of all further steps to `profile`; nullptr: measures nothing.
  void set_profile(StepProfile* profile);

 private:
  T shard_loss(int worker, int shard, T* gradients, std::int64_t step);
  [[noreturn]] void refuse_nonfinite(std::int64_t step, const StepReport& report);
  void warm_up();

  Objective<T> objective_;
  ParameterStore<T>& parameters_;
  const Dataset& dataset_;
  WorkerPool& workers_;
  StepOptions options_;
  Optimizer<T> optimizer_;
  ShardedGradient<T> gradient_;
  GlobalNorm<T> norm_;
  Batch batch_;
  std::vector<std::unique_ptr<Tape<T>>> tapes_;  // one a worker
  std::vector<double> losses_;                   // one a shard
  StepProfile* profile_ = nullptr;
};

}  // namespace tapehead
