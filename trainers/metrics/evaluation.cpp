#include "trainers/metrics/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/ops/cross_entropy.hpp"
#include "datasets/batch.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/memory.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {
namespace {

// Places whose logits are there at the same time.
constexpr std::int64_t kPlacesAtOnce = 128;

// What is said at the places of a batch that count, some at a time: all its logits would be more than training keeps.
template <RealScalar T>
class Judge {
 public:
  Judge(const Model& model, Var<T> features, const TokenView& expected)
      : model_(model), features_(features), wrong_(static_cast<std::size_t>(expected.examples)) {
    for (std::int64_t b = 0; b < expected.examples; ++b) {
      for (std::int64_t t = 0; t < expected.positions; ++t) {
        if (expected(t, b) == kPadding) continue;
        places_.push_back({t, b});
        wanted_.push_back(expected(t, b));
        if (std::ssize(places_) == kPlacesAtOnce) judge();
      }
    }
    if (!places_.empty()) judge();
    counts_.sequences = expected.examples;
    counts_.tokens = counts_.known_asked + counts_.unknown_asked;
    counts_.unknown_tokens = counts_.unknown_asked;
    counts_.right_sequences = std::ranges::count(wrong_, 0);
  }

  const TokenCounts& counts() const { return counts_; }

 private:
  struct Place {
    std::int64_t position, example;
  };

  void judge() {
    Tape<T>& tape = features_.tape();
    const NoGrad<T> no_grad(tape);
    const auto [channels, positions, examples] = features_.shape();
    const auto count = std::ssize(places_);
    T* columns = tape.allocate(channels * count);
    for (std::size_t n = 0; n < places_.size(); ++n) {
      const T* from = features_.data() + channels * (places_[n].position + positions * places_[n].example);
      std::copy_n(from, channels, columns + channels * static_cast<std::int64_t>(n));
    }
    const Var<T> logits = model_.project(tape.record("places", {channels, count}, columns, {}, [](Pull<T>&) {}));
    const auto unknown = std::ranges::count(wanted_, static_cast<std::int32_t>(kUnknown));
    counts_.unknown_asked += unknown;
    counts_.known_asked += count - unknown;
    counts_.known_loss += loss_of(logits, false);
    if (unknown > 0) counts_.unknown_loss += loss_of(logits, true);
    const std::int64_t vocabulary = logits.shape().rows;
    for (std::size_t n = 0; n < places_.size(); ++n) {
      const std::int32_t wanted = wanted_[n];
      const T* column = logits.data() + vocabulary * static_cast<std::int64_t>(n);
      const bool right = wanted != kUnknown && likeliest_token(column, vocabulary) == wanted;
      counts_.right_tokens += right;
      counts_.right_ends += right && wanted == kEnd;
      if (!right) wrong_[static_cast<std::size_t>(places_[n].example)] = 1;
    }
    places_.clear();
    wanted_.clear();
  }

  // The loss of the tokens that are kUnknown, or of those that are not.
  double loss_of(Var<T> logits, bool unknown) const {
    std::vector<std::int32_t> ids = wanted_;
    for (std::int32_t& id : ids) {
      if ((id == kUnknown) != unknown) id = kPadding;
    }
    const auto count = static_cast<std::int32_t>(ids.size());
    return cross_entropy(logits, {ids.data(), &count, count, count, 1}, {.denominator = 1}).item();
  }

  const Model& model_;
  Var<T> features_;
  std::vector<Place> places_;
  std::vector<std::int32_t> wanted_;
  std::vector<char> wrong_;  // examples
  TokenCounts counts_;
};

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

EvaluationOptions evaluation_like(const StepOptions& step, const Model& model, const Dataset& dataset) {
  const BatchLayout layout = batch_layout(model, dataset);
  const SequenceLengths longest = column_lengths(layout, dataset.max_source_length(), dataset.max_target_length());
  const std::int64_t examples = (step.batch + step.shards - 1) / step.shards;
  return {.budget = static_cast<double>(examples) * pass_values(model, longest), .shards = step.shards};
}

bool fits(const Model& model, BatchLayout layout, const SequencePair& example) {
  const SequenceLengths columns = column_lengths(layout, std::ssize(example.source), std::ssize(example.target));
  return std::max(columns.source, columns.target) <= model.config().max_positions;
}

std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit) {
  const BatchLayout layout = batch_layout(model, dataset);
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < sequences_of(dataset, split, limit); ++i) {
    if (!fits(model, layout, dataset.example(split, i))) found.push_back(i);
  }
  return found;
}

template <RealScalar T>
Evaluation evaluate(const Model& model, ParameterStore<T>& parameters, const Dataset& dataset, Split split,
                    WorkerPool& workers, const EvaluationOptions& options, Tapes<T> tapes) {
  const BatchLayout layout = batch_layout(model, dataset);
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

  const double budget = options.budget > 0 ? options.budget : batch_budget(model);
  const std::int64_t most = (std::ssize(judged) + options.shards - 1) / options.shards;
  const auto batches = cut_batches(model, lengths, budget, std::max<std::int64_t>(most, 1));
  const auto stopping = [&] { return options.stop != nullptr && *options.stop; };
  std::vector<TokenCounts> counts(batches.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> stopped = false;
  const auto work = [&](int worker, WorkerPool* lent) {
    if (worker >= options.shards || static_cast<std::size_t>(worker) >= batches.size()) return;
    Tape<T> own(parameters);
    Tape<T>& tape = tapes.empty() ? own : *tapes[static_cast<std::size_t>(worker)];
    tape.reset();
    tape.set_workers(lent);
    for (std::size_t at = next++; at < batches.size() && !stopped; at = next++) {
      std::vector<SequencePair> pairs;
      for (std::int64_t i = batches[at].first; i < batches[at].last; ++i) {
        pairs.push_back(dataset.example(split, judged[static_cast<std::size_t>(i)]));
      }
      if (!stopping()) {
        const Batch batch = batch_of(pairs, dataset, layout);
        const NoGrad<T> no_grad(tape);
        counts[at] = Judge<T>(model, model.features(tape, batch.view(), Pass{}), batch.expected()).counts();
      }
      if (stopping()) stopped = true;
    }
    tape.set_workers(nullptr);
  };
  if (batches.size() == 1) {
    work(0, &workers);
  } else {
    workers.run([&](int worker) { work(worker, nullptr); });
  }
  if (stopped) throw EvaluationStopped();

  for (const TokenCounts& part : counts) sum.add(part);
  // Without a source, nothing says which of them to write.
  if (!dataset.has_source()) sum.right_sequences = 0;
  sum.too_long = sequences - std::ssize(judged);
  return {.results = token_results(sum), .available = dataset.size(split), .headline = dataset.headline()};
}

template Evaluation evaluate(const Model&, ParameterStore<float>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&, Tapes<float>);
template Evaluation evaluate(const Model&, ParameterStore<double>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&, Tapes<double>);

}  // namespace tapehead
