#include "trainers/metrics/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/tape.hpp"
#include "datasets/batch.hpp"
#include "layers/pass.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/questions.hpp"
#include "trainers/memory.hpp"
#include "trainers/metrics/judge.hpp"
#include "trainers/metrics/output_metric.hpp"
#include "trainers/metrics/slices.hpp"
#include "trainers/metrics/token_counts.hpp"

namespace tapehead {
namespace {

std::int64_t sequences_of(const Dataset& dataset, Split split, std::int64_t limit) {
  const std::int64_t available = dataset.size(split);
  return limit > 0 ? std::min(limit, available) : available;
}

bool has_what_is_needed(const MetricSpec& metric, const Dataset& dataset) {
  switch (metric.needs) {
    case NeededOfData::nothing:
      return true;
    case NeededOfData::question:
      return dataset.asks();
    case NeededOfData::end:
      return dataset.counts_ends();
    case NeededOfData::characters:
      return dataset.counts_characters();
  }
  return false;
}

bool is_measured(const std::string& name, const Dataset& dataset) {
  const auto found = std::ranges::find(evaluation_metrics(), name, &MetricSpec::name);
  return found == evaluation_metrics().end() || has_what_is_needed(*found, dataset);
}

}  // namespace

TooLong parse_too_long(const std::string& text) {
  if (text == "wrong") return TooLong::wrong;
  if (text == "skip") return TooLong::left_out;
  throw ConfigError(fmt::format("too-long: \"{}\" is none of wrong, skip", text));
}

EvaluationOptions evaluation_like(const StepOptions& step, const Model& model, const Dataset& dataset) {
  const BatchLayout layout = batch_layout(model, dataset);
  const SequenceLengths longest = column_lengths(layout, dataset.shape());
  const std::int64_t examples = (step.batch + step.shards - 1) / step.shards;
  return {.budget = pass_values(model, longest).of(examples), .shards = step.shards};
}

bool fits(const Model& model, BatchLayout layout, const ExampleShape& example) {
  return positions_needed(layout, example) <= model.config().max_positions;
}

std::vector<std::int64_t> too_long_sequences(const Model& model, const Dataset& dataset, Split split,
                                             std::int64_t limit) {
  const BatchLayout layout = batch_layout(model, dataset);
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < sequences_of(dataset, split, limit); ++i) {
    if (!fits(model, layout, shape_of(dataset.shape(), dataset.example(split, i).view()))) found.push_back(i);
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
  const std::span<const Slice> slices = options.slices ? dataset.slices() : std::span<const Slice>();
  const bool outputs = options.outputs && dataset.asks();  // else nothing says what to write
  const auto judged_example = [&](const TokenCounts& counts, const SequencePair& pair) {
    JudgedExample example{.counts = counts};
    for (const Slice& slice : slices) example.slices.push_back(slice.of(pair));
    if (outputs) example.expected = pair.target;
    return example;
  };
  std::vector<JudgedExample> examples;
  std::vector<std::size_t> example_of;  // of each that fits
  std::vector<std::int64_t> judged;     // those that fit, and the columns that they take
  std::vector<SequenceLengths> lengths;
  for (std::int64_t i = 0; i < sequences; ++i) {
    const SequencePair pair = dataset.example(split, i);
    const ExampleShape shape = shape_of(dataset.shape(), pair.view());
    if (fits(model, layout, shape)) {
      judged.push_back(i);
      lengths.push_back(column_lengths(layout, shape));
      example_of.push_back(examples.size());
      examples.emplace_back();
    } else if (options.too_long == TooLong::wrong) {
      TokenCounts counts;
      counts.add_target(pair.view(), shape.ends);
      counts.too_long = 1;
      sum.add(counts);
      examples.push_back(judged_example(counts, pair));
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
  const auto judge_batch = [&](Tape<T>& tape, const Batch& batch) {
    const NoGrad<T> no_grad(tape);
    return judge(model, model.features(tape, batch.view(), Pass{}), batch.expected());
  };
  const auto write = [&](Tape<T>& tape, const std::vector<SequencePair>& pairs) {
    const Questions questions(pairs, dataset.shape().channels);
    return decode(model, tape, questions.sources(),
                  {.max_length = dataset.max_target_length() + 1, .stop = options.stop});
  };
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
        const Judged found = judge_batch(tape, batch);
        const Texts texts = outputs ? write(tape, pairs) : Texts(pairs.size());
        counts[at] = found.sum;
        for (std::size_t k = 0; k < pairs.size(); ++k) {
          JudgedExample& example = examples[example_of[static_cast<std::size_t>(batches[at].first) + k]];
          example = judged_example(found.examples[k], pairs[k]);
          counts[at].characters += dataset.characters(pairs[k].view());
          example.written = texts[k];
        }
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
  sum.too_long = sequences - std::ssize(judged);
  std::vector<Result> results = token_results(sum);
  std::vector<SlicedResults> sliced = sliced_results(slices, examples, outputs);
  const auto not_of_these_data = [&](const Result& result) { return !is_measured(result.name, dataset); };
  std::erase_if(results, not_of_these_data);
  for (auto& [name, parts] : sliced) {
    for (SlicePart& part : parts) std::erase_if(part.results, not_of_these_data);
  }
  if (outputs) std::ranges::move(output_results(examples), std::back_inserter(results));
  return {.results = std::move(results),
          .available = dataset.size(split),
          .headline = dataset.headline(),
          .slices = std::move(sliced)};
}

const std::vector<MetricSpec>& evaluation_metrics() {
  static const std::vector<MetricSpec> specs = [] {
    std::vector<MetricSpec> all = token_metrics();
    for (const OutputMetric& metric : output_metrics()) {
      all.push_back(metric.spec);
      all.back().of_outputs = true;
      all.back().needs = NeededOfData::question;
    }
    return all;
  }();
  return specs;
}

std::vector<MetricSpec> measured_metrics(const Dataset& dataset) {
  std::vector<MetricSpec> measured = evaluation_metrics();
  std::erase_if(measured, [&](const MetricSpec& metric) { return !has_what_is_needed(metric, dataset); });
  return measured;
}

template Evaluation evaluate(const Model&, ParameterStore<float>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&, Tapes<float>);
template Evaluation evaluate(const Model&, ParameterStore<double>&, const Dataset&, Split, WorkerPool&,
                             const EvaluationOptions&, Tapes<double>);

}  // namespace tapehead
