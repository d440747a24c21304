#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"
#include "trainers/metrics/result.hpp"
#include "trainers/objective.hpp"
#include "trainers/step_options.hpp"

namespace tapehead {

/// What becomes of held-out sequences that the model has too few positions for.
enum class TooLong {
  wrong,     ///< judged: none of their tokens is right
  left_out,  ///< not judged
};

/// "wrong" or "skip"; anything else throws ConfigError.
TooLong parse_too_long(const std::string& text);

struct EvaluationOptions {
  /// Only the first so many sequences; 0: all of the split.
  std::int64_t limit = 0;
  TooLong too_long = TooLong::wrong;
  /// Whether each sequence is written by greedy search too, for output_metrics().
  bool outputs = false;
  /// Whether the parts that the data's slices make are judged by themselves too.
  bool slices = false;
  /// Numbers that the pass over one batch may keep; 0: batch_budget().
  double budget = 0;
  /// Batches that are judged at the same time at most, and that the sequences are cut into at least, one each if they
  /// are fewer. It is part of the configuration, never of the machine.
  int shards = 8;
  /// When it becomes true, evaluate() throws EvaluationStopped, after the passes that have begun.
  const std::atomic<bool>* stop = nullptr;
};

/// What evaluate() can measure: on counted tokens, then on outputs. `tapehead list metrics` is made from this.
const std::vector<MetricSpec>& evaluation_metrics();
/// Of these what such data have all that it needs for.
std::vector<MetricSpec> measured_metrics(const Dataset& dataset);

/// Batches like the shards of a training step: evaluate() then takes no more memory than the step does.
EvaluationOptions evaluation_like(const StepOptions& step, const Model& model, const Dataset& dataset);

/// An evaluation was stopped; what it had found is lost.
struct EvaluationStopped : Error {
  EvaluationStopped() : Error("evaluation: stopped") {}
};

/// One pass over each target, every token after the right ones. It tells exact match as well, with no decoding: greedy
/// decoding writes a target whole if and only if each of its tokens is the likeliest one after those before it (up to
/// rounding, where two are as likely as each other). What is measured: see token_counts.hpp, and output_metric.hpp for
/// what sequences are decoded for, if that is asked for and sources say what to write.
///
/// Sequences are cut into batches (see cut_batches) that are shared out among the workers; a batch that is alone has
/// all of them. Sums are made in the order of the data, so the result is the same to the bit with any number of
/// workers. `tapes`, one a worker, are emptied and used; without any it makes its own. Throws DataError if the split is
/// empty or nothing is left to judge, ConfigError for data that lack what the model reads, EvaluationStopped.
template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options = {}, Tapes<T> tapes = {});

/// Whether the model has positions for an example of such lengths.
bool fits(const Model& model, BatchLayout layout, const ExampleShape& example);

/// The sequences of a split, of the first `limit` (0: of all), that the model has too few positions for.
std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit = 0);

}  // namespace tapehead
