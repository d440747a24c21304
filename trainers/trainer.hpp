#pragma once

#include <atomic>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"
#include "trainers/learner.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/step.hpp"
#include "trainers/trainer_options.hpp"
#include "trainers/training_observer.hpp"

namespace tapehead {

/// Whether its validations need results of outputs, for which every sequence is decoded.
bool needs_outputs(const TrainerOptions& options, const std::vector<MetricSpec>& metrics);

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
