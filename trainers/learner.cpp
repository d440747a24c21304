#include "trainers/learner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/counted.hpp"
#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "trainers/batching.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kExamplesAtOnce = 16;

const std::vector<MetricSpec>& loss_metrics() {
  static const std::vector<MetricSpec> specs{
      {"loss", "", Better::lower, "the loss of training, on held-out examples and without dropout", 1, true},
      {"sequences", "count", Better::neither, "examples that were judged"}};
  return specs;
}

// The held-out examples as if they were one batch, whose shards are a few examples each.
template <RealScalar T>
Evaluation validate_by_loss(const Objective<T>& objective, ParameterStore<T>& parameters, const Dataset& dataset,
                            WorkerPool& workers, Tapes<T> tapes, const ValidationRequest& request) {
  const std::int64_t available = dataset.size(Split::validation);
  const std::int64_t examples = request.limit > 0 ? std::min(request.limit, available) : available;
  std::int64_t counted = 0;
  std::vector<Batch> batches;
  for (std::int64_t first = 0; first < examples; first += kExamplesAtOnce) {
    std::vector<SequencePair> pairs;
    for (std::int64_t i = first; i < std::min(first + kExamplesAtOnce, examples); ++i) {
      pairs.push_back(dataset.example(Split::validation, i));
    }
    batches.push_back(batch_of(pairs, dataset, objective.columns));
    counted += batches.back().counted_tokens();
  }
  std::vector<double> losses(batches.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> stopped = false;
  workers.run([&](int worker) {
    Tape<T> own(parameters);
    Tape<T>& tape = tapes.empty() ? own : *tapes[static_cast<std::size_t>(worker)];
    tape.reset();
    tape.set_workers(nullptr);
    for (std::size_t at = next++; at < batches.size() && !stopped; at = next++) {
      const NoGrad<T> no_grad(tape);
      losses[at] = objective.loss(tape, batches[at].view().part_of(examples, counted), Pass{}).item();
      if (request.stop != nullptr && *request.stop) stopped = true;
    }
  });
  if (stopped) throw EvaluationStopped();
  double sum = 0;
  for (const double loss : losses) sum += loss;
  const auto& specs = loss_metrics();
  return {.results = {{specs[0].name, sum, specs[0].unit, specs[0].direction, true},
                      {specs[1].name, static_cast<double>(examples), specs[1].unit, specs[1].direction}},
          .available = available};
}

// Sequences that no validation can be right about.
std::string notice_of_long_sequences(const Model& model, const Dataset& dataset, bool steers) {
  const std::vector<std::int64_t> found = too_long_sequences(model, dataset, Split::validation);
  if (found.empty()) return {};
  const std::int64_t positions = model.config().max_positions;
  if (steers && std::ssize(found) == dataset.size(Split::validation)) {
    throw ConfigError(
        fmt::format("training: none of the validation sequences fits into the model's {} positions, so "
                    "early-stop and plateau have nothing to go by; raise max-positions",
                    positions));
  }
  return fmt::format(
      "{} of {} {} more than the model's {}, and {} as wrong (the first is {}); max-positions makes room for them",
      found.size(), counted(dataset.size(Split::validation), "validation sequence"),
      found.size() == 1 ? "needs" : "need", counted(positions, "position"), found.size() == 1 ? "counts" : "count",
      dataset.place(Split::validation, found.front()));
}

}  // namespace

template <RealScalar T>
Learner<T> learner_of(Objective<T> objective, const Dataset& dataset) {
  const auto validate = [objective, &dataset](ParameterStore<T>& parameters, WorkerPool& workers, Tapes<T> tapes,
                                              const ValidationRequest& request) {
    return validate_by_loss(objective, parameters, dataset, workers, tapes, request);
  };
  return {.objective = std::move(objective), .metrics = loss_metrics(), .validate = validate};
}

template <RealScalar T>
Learner<T> learner_of(const Model& model, const Dataset& dataset, const StepOptions& step) {
  const auto validate = [&model, &dataset, like = evaluation_like(step, model, dataset)](
                            ParameterStore<T>& parameters, WorkerPool& workers, Tapes<T> tapes,
                            const ValidationRequest& request) {
    EvaluationOptions options = like;
    options.limit = request.limit;
    options.outputs = request.outputs;
    options.stop = request.stop;
    return evaluate(model, parameters, dataset, Split::validation, workers, options, tapes);
  };
  return {.objective = objective_of<T>(model, dataset, step.label_smoothing),
          .metrics = measured_metrics(dataset),
          .validate = validate,
          .notice = [&](bool steers) { return notice_of_long_sequences(model, dataset, steers); }};
}

template Learner<float> learner_of(Objective<float>, const Dataset&);
template Learner<double> learner_of(Objective<double>, const Dataset&);
template Learner<float> learner_of(const Model&, const Dataset&, const StepOptions&);
template Learner<double> learner_of(const Model&, const Dataset&, const StepOptions&);

}  // namespace tapehead
