#include "trainers/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/ops/cross_entropy.hpp"
#include "datasets/batch.hpp"
#include "trainers/decoding.hpp"

namespace tapehead {
namespace {

struct Counts {
  double loss = 0;  // sum over tokens
  std::int64_t tokens = 0;
  std::int64_t right_tokens = 0;
  std::int64_t right_sequences = 0;
};

template <RealScalar T>
std::int64_t count_right_tokens(Var<T> logits, const TokenView& expected) {
  const std::int64_t vocabulary = logits.shape().rows;
  std::int64_t right = 0;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      if (expected(t, b) == kPadding) continue;
      const T* column = logits.data() + vocabulary * (t + logits.shape().columns * b);
      right += std::max_element(column, column + vocabulary) - column == expected(t, b);
    }
  }
  return right;
}

template <RealScalar T>
Counts evaluate_batch(const Model& model, Tape<T>& tape, const std::vector<SequencePair>& pairs, BatchLayout layout,
                      bool exact_match, std::int64_t max_target) {
  Counts counts;
  std::int64_t max_source = 0;
  for (const SequencePair& pair : pairs) max_source = std::max<std::int64_t>(max_source, std::ssize(pair.source));
  Batch batch(layout);
  batch.reserve(std::ssize(pairs), max_source, max_target);
  for (const SequencePair& pair : pairs) batch.append(pair.source, pair.target);
  counts.tokens = batch.counted_tokens();
  {
    const NoGrad<T> no_grad(tape);
    const Var<T> logits = model.logits(tape, batch.source(), batch.input(), Pass{});
    counts.loss = cross_entropy(logits, batch.expected(), {.denominator = 1}).item();
    counts.right_tokens = count_right_tokens(logits, batch.expected());
  }
  if (exact_match) {
    std::vector<std::vector<std::int32_t>> sources;
    for (const SequencePair& pair : pairs) sources.push_back(pair.source);
    // One token more than any target: an output that does not end is not a match.
    const auto outputs = decode_greedily<T>(model, tape, sources, max_target + 1);
    for (std::size_t i = 0; i < pairs.size(); ++i) counts.right_sequences += outputs[i] == pairs[i].target;
  }
  return counts;
}

}  // namespace

template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options) {
  if (options.batch < 1) throw ConfigError(fmt::format("evaluation: batch must be at least 1, not {}", options.batch));
  if (model.has_encoder() && !dataset.has_source()) {
    throw ConfigError("evaluation: the data have no sources for an encoder to read; take a decoder");
  }
  const BatchLayout layout = batch_layout(dataset, model.has_encoder());
  const bool exact_match = options.exact_match && dataset.has_source();
  const std::int64_t available = dataset.size(split);
  const std::int64_t sequences = options.limit > 0 ? std::min(options.limit, available) : available;
  if (sequences == 0) throw DataError("evaluation: the split holds no sequences");
  const std::int64_t batches = (sequences + options.batch - 1) / options.batch;
  std::vector<Counts> counts(static_cast<std::size_t>(batches));
  workers.run([&](int worker) {
    Tape<T> tape(parameters);
    for (std::int64_t at = worker; at < batches; at += workers.size()) {
      std::vector<SequencePair> pairs;
      std::int64_t longest = 0;
      for (std::int64_t i = at * options.batch; i < std::min(sequences, (at + 1) * options.batch); ++i) {
        pairs.push_back(dataset.example(split, i));
        longest = std::max<std::int64_t>(longest, std::ssize(pairs.back().target));
      }
      counts[static_cast<std::size_t>(at)] = evaluate_batch(model, tape, pairs, layout, exact_match, longest);
    }
  });

  Evaluation result{.sequences = sequences};
  std::int64_t right_tokens = 0;
  std::int64_t right_sequences = 0;
  for (const Counts& part : counts) {
    result.loss += part.loss;
    result.tokens += part.tokens;
    right_tokens += part.right_tokens;
    right_sequences += part.right_sequences;
  }
  result.loss /= static_cast<double>(result.tokens);
  result.perplexity = std::exp(result.loss);
  result.token_accuracy = static_cast<double>(right_tokens) / static_cast<double>(result.tokens);
  result.exact_match = static_cast<double>(right_sequences) / static_cast<double>(sequences);
  return result;
}

template Evaluation evaluate(const Model&, ParameterStore<float>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&);
template Evaluation evaluate(const Model&, ParameterStore<double>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&);

}  // namespace tapehead
