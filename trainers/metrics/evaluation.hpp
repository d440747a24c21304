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
  /// Greedy decoding, which takes most of the time; without it, or without sources, exact_match stays 0.
  bool exact_match = true;
  TooLong too_long = TooLong::wrong;
  /// Numbers that the pass over one batch may keep; 0: batch_budget().
  double budget = 0;
  /// When it becomes true, evaluate() throws EvaluationStopped, after a batch's pass or the next token at the latest.
  const std::atomic<bool>* stop = nullptr;
};

/// An evaluation was stopped; what it had found is lost.
struct EvaluationStopped : Error {
  EvaluationStopped() : Error("evaluation: stopped") {}
};

/// Batches (see cut_batches) are shared out among the workers; sums are made in the order of the data, so the result
/// does not depend on how many workers there are. What is measured: see token_counts.hpp. Throws DataError if the split
/// is empty or nothing is left to judge, ConfigError for an encoder without sources, EvaluationStopped.
template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options = {});

/// Whether the model has positions for an example of such a layout.
bool fits(const Model& model, BatchLayout layout, const SequencePair& example);

/// The sequences of a split, of the first `limit` (0: of all), that the model has too few positions for.
std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit = 0);

}  // namespace tapehead
