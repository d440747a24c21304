#include "trainers/learner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/shards.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kExamplesAtOnce = 16;

const std::vector<MetricSpec>& loss_metrics() {
  static const std::vector<MetricSpec> specs{
      {"loss", "", Better::lower, "the loss of training, on held-out examples and without dropout", 1},
      {"sequences", "count", Better::neither, "examples that were judged"}};
  return specs;
}

Batch batch_of(const Dataset& dataset, BatchLayout columns, const ExampleRange& range) {
  std::vector<SequencePair> pairs;
  ExampleShape longest = dataset.shape();
  longest.source = longest.target = longest.features = 0;
  for (std::int64_t i = range.first; i < range.last; ++i) {
    const SequencePair& pair = pairs.emplace_back(dataset.example(Split::validation, i));
    longest.source = std::max<std::int64_t>(longest.source, std::ssize(pair.source));
    longest.target = std::max<std::int64_t>(longest.target, std::ssize(pair.target));
    if (longest.channels == 0) continue;
    longest.features = std::max<std::int64_t>(longest.features, std::ssize(pair.features) / longest.channels);
  }
  Batch batch(columns);
  batch.reserve(std::ssize(pairs), longest);
  for (const SequencePair& pair : pairs) batch.append(pair.view());
  return batch;
}

// The held-out examples as if they were one batch, whose shards are a few examples each.
template <RealScalar T>
Evaluation validate_by_loss(const Objective<T>& objective, ParameterStore<T>& parameters, const Dataset& dataset,
                            WorkerPool& workers, const ValidationRequest& request) {
  const std::int64_t available = dataset.size(Split::validation);
  const std::int64_t examples = request.limit > 0 ? std::min(request.limit, available) : available;
  std::int64_t counted = 0;
  std::vector<Batch> batches;
  for (std::int64_t first = 0; first < examples; first += kExamplesAtOnce) {
    batches.push_back(batch_of(dataset, objective.columns, {first, std::min(first + kExamplesAtOnce, examples)}));
    counted += batches.back().counted_tokens();
  }
  std::vector<double> losses(batches.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> stopped = false;
  workers.run([&](int) {
    Tape<T> tape(parameters);
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
  return {.results = {{specs[0].name, sum, specs[0].unit, specs[0].direction},
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
      "{} of {} validation sequences need more than the model's {} positions, and count as "
      "wrong (the first is {}); max-positions makes room for them",
      found.size(), dataset.size(Split::validation), positions, dataset.place(Split::validation, found.front()));
}

}  // namespace

template <RealScalar T>
Learner<T> learner_of(Objective<T> objective, const Dataset& dataset) {
  const auto validate = [objective, &dataset](ParameterStore<T>& parameters, WorkerPool& workers,
                                              const ValidationRequest& request) {
    return validate_by_loss(objective, parameters, dataset, workers, request);
  };
  return {.objective = std::move(objective), .metrics = loss_metrics(), .validate = validate};
}

template <RealScalar T>
Learner<T> learner_of(const Model& model, const Dataset& dataset, double label_smoothing) {
  return {.objective = objective_of<T>(model, dataset, label_smoothing),
          .metrics = token_metrics(),
          .validate =
              [&](ParameterStore<T>& parameters, WorkerPool& workers, const ValidationRequest& request) {
                return evaluate(model, parameters, dataset, Split::validation, workers,
                                {.limit = request.limit, .stop = request.stop});
              },
          .notice = [&](bool steers) { return notice_of_long_sequences(model, dataset, steers); }};
}

template Learner<float> learner_of(Objective<float>, const Dataset&);
template Learner<double> learner_of(Objective<double>, const Dataset&);
template Learner<float> learner_of(const Model&, const Dataset&, double);
template Learner<double> learner_of(const Model&, const Dataset&, double);

}  // namespace tapehead
