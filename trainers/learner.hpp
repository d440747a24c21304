#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "trainers/metrics/result.hpp"
#include "trainers/objective.hpp"
#include "trainers/step_options.hpp"

namespace tapehead {

/// What a validation takes.
struct ValidationRequest {
  std::int64_t limit = 0;  ///< only the first so many sequences; 0: all
  bool outputs = false;    ///< whether a result of outputs is needed: see MetricSpec::of_outputs
  /// When it becomes true, the validation throws EvaluationStopped soon.
  const std::atomic<bool>* stop = nullptr;
};

/// What train() trains: a loss, and how well the parameters do by it.
template <RealScalar T>
struct Learner {
  Objective<T> objective;
  /// What `validate` gives, known before it is called: the columns of metrics.csv.
  std::vector<MetricSpec> metrics;
  /// Judges the parameters on the validation split. The same parameters must give the same bits, whatever the number of
  /// workers. The tapes are the step's, one a worker: emptied, they can be used. Empty: nothing is judged.
  std::function<Evaluation(ParameterStore<T>&, WorkerPool&, Tapes<T>, const ValidationRequest&)> validate;
  /// A line that the user ought to read before the first step, or nothing. `steers`: the run depends on its
  /// validations. Throws ConfigError for a run that makes no sense.
  std::function<std::string(bool steers)> notice = {};
};

/// Any objective, judged by its own loss on held-out examples, without dropout: the metrics "loss" and "sequences".
/// Refers to the data.
template <RealScalar T>
Learner<T> learner_of(Objective<T> objective, const Dataset& dataset);

/// A model, trained by objective_of() and judged by evaluate() in batches like the step's. Refers to model and data.
template <RealScalar T>
Learner<T> learner_of(const Model& model, const Dataset& dataset, const StepOptions& step);

}  // namespace tapehead
