#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/parallel.hpp"
#include "autograd/parameters.hpp"
#include "datasets/dataset.hpp"
#include "layers/models/model.hpp"

namespace tapehead {

/// How well a model does on held-out sequences.
///
/// Target tokens are the words of the targets and one end token a sequence. A word that the vocabulary does not have
/// (kUnknown) can never be said right: it is wrong in every share. In the loss it would be a word like any other, and
/// an easy one where there are many; so the loss is over known tokens, and the one over all tokens stands beside it.
/// best.h5, plateaus and early stops go by the loss over known tokens.
///
/// What there is none of has a share, or a loss, that is not a number.
struct Evaluation {
  double loss = 0;             ///< cross-entropy in nats a known token, without label smoothing, teacher-forced
  double perplexity = 1;       ///< exp(loss)
  double loss_all_tokens = 0;  ///< the same over unknown words too, for which "unknown" is what is to be said
  double perplexity_all_tokens = 1;
  double token_accuracy = 0;  ///< share of target tokens whose likeliest prediction is right, teacher-forced
  double token_accuracy_without_end = 0;  ///< the same of words alone
  double exact_match = 0;                 ///< share of sequences that greedy decoding reproduces whole
  double unknown_share = 0;               ///< of words
  std::int64_t sequences = 0;             ///< that were judged
  std::int64_t tokens = 0;                ///< their target tokens
  std::int64_t unknown_tokens = 0;        ///< of these
  /// Sequences that the model has too few positions for. They are no part of the losses; of the shares as asked.
  std::int64_t too_long = 0;
  std::int64_t available = 0;  ///< sequences of the split
};

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
/// does not depend on how many workers there are. Throws DataError if the split is empty or nothing is left to judge,
/// ConfigError for an encoder without sources, EvaluationStopped.
template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options = {});

/// Whether the model has positions for an example of such a layout.
bool fits(const Model& model, BatchLayout layout, const SequencePair& example);

/// The sequences of a split, of the first `limit` (0: of all), that the model has too few positions for.
std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit = 0);

}  // namespace tapehead
