#pragma once

#include <cstdint>

#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// How well a model does on a held-out split. Means are over all counted target tokens of the split.
struct Evaluation {
  double loss = 0;            ///< cross-entropy in nats a token, without label smoothing, teacher-forced
  double perplexity = 1;      ///< exp(loss)
  double token_accuracy = 0;  ///< share of tokens whose likeliest prediction is right, teacher-forced
  double exact_match = 0;     ///< share of sequences that greedy decoding reproduces whole
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;
};

struct EvaluationOptions {
  std::int64_t batch = 64;
  /// Only the first so many sequences; 0: all of the split.
  std::int64_t limit = 0;
  /// Greedy decoding, which takes most of the time; without it, or without sources, exact_match stays 0.
  bool exact_match = true;
};

/// Batches are shared out among the workers; sums are made in the order of the data, so the result does not depend on
/// how many workers there are. Throws DataError if the split is empty, ConfigError for a batch < 1 and for an
/// encoder without sources.
template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options = {});

}  // namespace tapehead
