#include "trainers/metrics/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/ops/cross_entropy.hpp"
#include "datasets/batch.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {
namespace {

// The loss of the tokens that are kUnknown, or of those that are not.
template <RealScalar T>
double loss_of(Var<T> logits, const TokenView& expected, bool unknown) {
  std::vector<std::int32_t> ids(expected.ids, expected.ids + expected.stride * expected.examples);
  for (std::int32_t& id : ids) {
    if ((id == kUnknown) != unknown) id = kPadding;
  }
  const TokenView counted{ids.data(), expected.lengths, expected.stride, expected.positions, expected.examples};
  return cross_entropy(logits, counted, {.denominator = 1}).item();
}

template <RealScalar T>
void count_right_tokens(Var<T> logits, const TokenView& expected, TokenCounts& counts) {
  const std::int64_t vocabulary = logits.shape().rows;
  for (std::int64_t b = 0; b < expected.examples; ++b) {
    for (std::int64_t t = 0; t < expected.positions; ++t) {
      const std::int32_t wanted = expected(t, b);
      if (wanted == kPadding || wanted == kUnknown) continue;
      if (likeliest_token(logits.data() + vocabulary * (t + logits.shape().columns * b), vocabulary) != wanted)
        continue;
      ++counts.right_tokens;
      counts.right_ends += wanted == kEnd;
    }
  }
}

// Judges the sequences of one batch. What it finds once *stop is true is not to be used.
template <RealScalar T>
TokenCounts judge(const Model& model, Tape<T>& tape, const std::vector<SequencePair>& pairs, BatchLayout layout,
                  bool exact_match, const std::atomic<bool>* stop) {
  TokenCounts counts;
  std::int64_t max_source = 0;
  std::int64_t max_target = 0;
  for (const SequencePair& pair : pairs) {
    max_source = std::max<std::int64_t>(max_source, std::ssize(pair.source));
    max_target = std::max<std::int64_t>(max_target, std::ssize(pair.target));
    counts.add_target(pair.target);
  }
  counts.unknown_asked = counts.unknown_tokens;
  counts.known_asked = counts.tokens - counts.unknown_tokens;
  Batch batch(layout);
  batch.reserve(std::ssize(pairs), max_source, max_target);
  for (const SequencePair& pair : pairs) batch.append(pair.source, pair.target);
  {
    const NoGrad<T> no_grad(tape);
    const Var<T> logits = model.logits(tape, batch.source(), batch.input(), Pass{});
    counts.known_loss = loss_of(logits, batch.expected(), false);
    if (counts.unknown_asked > 0) counts.unknown_loss = loss_of(logits, batch.expected(), true);
    count_right_tokens(logits, batch.expected(), counts);
  }
  if (!exact_match) return counts;
  std::vector<std::vector<std::int32_t>> sources;
  for (const SequencePair& pair : pairs) sources.push_back(pair.source);
  // One token more than any target: an output that does not end is not a match.
  const auto outputs = decode_greedily<T>(model, tape, sources, max_target + 1, stop);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& target = pairs[i].target;
    const bool known = std::ranges::find(target, static_cast<std::int32_t>(kUnknown)) == target.end();
    counts.right_sequences += known && outputs[i] == target;
  }
  return counts;
}

std::int64_t sequences_of(const Dataset& dataset, Split split, std::int64_t limit) {
  const std::int64_t available = dataset.size(split);
  return limit > 0 ? std::min(limit, available) : available;
}

}  // namespace

TooLong parse_too_long(const std::string& text) {
  if (text == "wrong") return TooLong::wrong;
  if (text == "skip") return TooLong::left_out;
  throw ConfigError(fmt::format("too-long: \"{}\" is none of wrong, skip", text));
}

bool fits(const Model& model, BatchLayout layout, const SequencePair& example) {
  const SequenceLengths columns = column_lengths(layout, std::ssize(example.source), std::ssize(example.target));
  return std::max(columns.source, columns.target) <= model.config().max_positions;
}

std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit) {
  const BatchLayout layout = batch_layout(dataset, model.has_encoder());
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < sequences_of(dataset, split, limit); ++i) {
    if (!fits(model, layout, dataset.example(split, i))) found.push_back(i);
  }
  return found;
}

template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options) {
  if (model.has_encoder() && !dataset.has_source()) {
    throw ConfigError("evaluation: the data have no sources for an encoder to read; take a decoder");
  }
  const BatchLayout layout = batch_layout(dataset, model.has_encoder());
  const bool exact_match = options.exact_match && dataset.has_source();
  const std::int64_t sequences = sequences_of(dataset, split, options.limit);
  if (sequences == 0) throw DataError("evaluation: the split holds no sequences");

  TokenCounts sum;
  std::vector<std::int64_t> judged;  // those that fit, and the columns that they take
  std::vector<SequenceLengths> lengths;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const SequencePair pair = dataset.example(split, i);
    if (fits(model, layout, pair)) {
      judged.push_back(i);
      lengths.push_back(column_lengths(layout, std::ssize(pair.source), std::ssize(pair.target)));
    } else if (options.too_long == TooLong::wrong) {
      sum.add_target(pair.target);
    }
  }
  if (judged.empty() && options.too_long == TooLong::left_out) {
    throw DataError(fmt::format("evaluation: every sequence exceeds the model's {} positions, none is left to judge",
                                model.config().max_positions));
  }

  const auto batches = cut_batches(model.config(), lengths, options.budget > 0 ? options.budget : batch_budget(model));
  const auto stopping = [&] { return options.stop != nullptr && *options.stop; };
  std::vector<TokenCounts> counts(batches.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> stopped = false;
  workers.run([&](int) {
    Tape<T> tape(parameters);
    for (std::size_t at = next++; at < batches.size() && !stopped; at = next++) {
      std::vector<SequencePair> pairs;
      for (std::int64_t i = batches[at].first; i < batches[at].last; ++i) {
        pairs.push_back(dataset.example(split, judged[static_cast<std::size_t>(i)]));
      }
      if (!stopping()) counts[at] = judge(model, tape, pairs, layout, exact_match, options.stop);
      if (stopping()) stopped = true;
    }
  });
  if (stopped) throw EvaluationStopped();

  for (const TokenCounts& part : counts) sum.add(part);
  sum.too_long = sequences - std::ssize(judged);
  return {.results = token_results(sum), .available = dataset.size(split)};
}

template Evaluation evaluate(const Model&, ParameterStore<float>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&);
template Evaluation evaluate(const Model&, ParameterStore<double>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&);

}  // namespace tapehead
