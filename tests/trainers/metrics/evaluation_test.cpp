// What the numbers of an evaluation count, and what it takes to find them.

#include "trainers/metrics/evaluation.hpp"
#include "autograd/tape.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "tests/trainers/training_support.hpp"
#include "trainers/batching.hpp"
#include "trainers/decoding/decoding.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Pairs of ids, as given.
class Pairs : public Dataset {
 public:
  explicit Pairs(std::vector<SequencePair> pairs, const ExampleShape& shape = {.source = 3, .target = 3})
      : shape_(shape), pairs_(std::move(pairs)) {}
  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return vocabulary_; }
  const ExampleShape& shape() const override { return shape_; }
  void fill_training_batch(std::uint64_t, std::uint64_t, std::int64_t, Batch&) const override {}
  std::int64_t size(Split) const override { return std::ssize(pairs_); }
  SequencePair example(Split, std::int64_t index) const override { return pairs_.at(static_cast<std::size_t>(index)); }
  std::uint64_t digest() const override { return 0; }

 private:
  ExampleShape shape_;
  Vocabulary vocabulary_{{"a", "b", "c"}};
  std::vector<SequencePair> pairs_;
};

// A model whose logits are the same whatever it reads: the bias of its output.
struct Constant {
  explicit Constant(const std::vector<double>& logits)
      : model({.model = "decoder",
               .layers = 1,
               .heads = 1,
               .d_model = 4,
               .d_ff = 4,
               .max_positions = 12,
               .target_vocabulary = static_cast<std::int64_t>(logits.size())}),
        parameters(model.layout()) {
    std::ranges::copy(logits, parameters.values(*model.layout().find("output.bias")).begin());
  }

  Evaluation on(const Dataset& data, const EvaluationOptions& options = {}) {
    WorkerPool workers(2);
    return evaluate(model, parameters, data, Split::test, workers, options);
  }

  Model model;
  ParameterStore<double> parameters;
};

constexpr std::int32_t kA = kFirstFreeId;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Marks leave tokens out of every count, ends too, and a sequence of which nothing counts is not right.
TEST(Evaluation, WhatDoesNotCountIsInNoShare) {
  Constant always_a({0, 0, 0, 0, 5, 0, 0});
  const SequencePair end_left_out{.source = {kA}, .target = {kA, kA, kA}, .marks = {1, 0, 1, 0}};
  const Evaluation words = always_a.on(Pairs({end_left_out}));
  EXPECT_EQ(words.count("tokens"), 2);
  EXPECT_EQ(words.value("token_accuracy"), 1);
  EXPECT_EQ(words.value("token_accuracy_without_end"), 1);
  EXPECT_EQ(words.value("unknown_share"), 0);
  EXPECT_EQ(words.value("exact_match"), 1);
  const SequencePair nothing{.source = {kA}, .target = {kA}, .marks = {0, 0}};
  EXPECT_EQ(always_a.on(Pairs({end_left_out, nothing})).value("exact_match"), 0.5);
}

TEST(Evaluation, ASequenceThatIsTooLongCountsAsMuchAsOneThatFits) {
  Constant model({0, 0, 0, 0, 5, 0, 0});
  SequencePair marked{
      .source = {kA}, .target = std::vector<std::int32_t>(20, kA), .marks = std::vector<std::uint8_t>(21, 0)};
  marked.target[3] = kUnknown;
  marked.target[4] = kUnknown;
  for (const std::size_t t : {3, 5, 6}) marked.marks[t] = 1;
  const Evaluation found = model.on(Pairs({marked}, {.source = 3, .target = 20}));
  EXPECT_EQ(found.count("too_long"), 1);
  EXPECT_EQ(found.count("tokens"), 3);
  EXPECT_EQ(found.count("unknown_tokens"), 1);
  EXPECT_NEAR(found.value("unknown_share"), 1.0 / 3, 1e-15);
}

TEST(Evaluation, DataWithoutAnEndHaveWordsAlone) {
  Constant always_a({0, 0, 0, 0, 5, 0, 0});
  const Evaluation found =
      always_a.on(Pairs({{{kA}, {kA, kA + 1}}, {{kA}, {kA}}}, {.ends = false, .source = 3, .target = 3}));
  EXPECT_EQ(found.count("tokens"), 3);
  EXPECT_TRUE(std::isnan(found.value("token_accuracy_without_end")));
  EXPECT_NEAR(found.value("token_accuracy"), 2.0 / 3, 1e-15);
  EXPECT_EQ(found.value("exact_match"), 0.5);
}

// Where nothing says what to write, a share of what is written right says nothing either, and no run may go by it.
TEST(Evaluation, MeasuresWhatTheDataHaveAllThatItNeedsFor) {
  Constant always_a({0, 0, 0, 0, 5, 0, 0});
  const Pairs songs({{{}, {kA}}}, {.has_source = false, .target = 3});
  const Evaluation found = always_a.on(songs);
  const auto has = [](const auto& metrics, const std::string& name) {
    return std::ranges::any_of(metrics, [&](const auto& each) { return each.name == name; });
  };
  for (const char* name : {"exact_match", "edit_distance", "bits_per_character"}) {
    EXPECT_FALSE(has(found.results, name)) << name;
    EXPECT_FALSE(has(measured_metrics(songs), name)) << name;
  }
  EXPECT_TRUE(has(measured_metrics(Pairs({{{kA}, {kA}}})), "edit_distance"));
}

// "Unknown" is the likeliest by far, and no token is said right by it.
TEST(Evaluation, AnUnknownWordIsNeverRight) {
  Constant always_unknown({0, 0, 0, 5, 0, 0, 0});
  const Evaluation all_unknown = always_unknown.on(Pairs({{{kA}, {kUnknown, kUnknown}}, {{kA}, {kUnknown}}}));
  EXPECT_EQ(all_unknown.value("token_accuracy"), 0);
  EXPECT_EQ(all_unknown.value("token_accuracy_without_end"), 0);
  EXPECT_EQ(all_unknown.value("unknown_share"), 1);
  EXPECT_EQ(all_unknown.count("unknown_tokens"), 3);
  EXPECT_EQ(all_unknown.count("tokens"), 5);
  // Over the end tokens, for which it says the wrong thing; over all of them it seems to do well.
  const double log_sum = std::log(6 + std::exp(5.0));
  EXPECT_NEAR(all_unknown.value("loss"), log_sum, 1e-12);
  EXPECT_NEAR(all_unknown.value("loss_all_tokens"), log_sum - 3 * 5 / 5.0, 1e-12);
  EXPECT_NEAR(all_unknown.value("perplexity_all_tokens"), std::exp(all_unknown.value("loss_all_tokens")), 1e-9);
}

// Written by the model too, an unknown word makes no match.
TEST(Evaluation, AnUnknownWordIsNoExactMatch) {
  const Pairs data({{{}, {kUnknown, kA}}});
  Constant end({0, 0, 9, 5, 0, 0, 0});
  EXPECT_EQ(end.on(Pairs(std::vector<SequencePair>(1))).value("exact_match"), 1)
      << "an empty output for an empty target";
  EXPECT_EQ(end.on(data).value("exact_match"), 0);
  Constant unknown({0, 0, 0, 5, 0, 0, 0});
  Tape<double> tape(unknown.parameters);
  const std::vector<std::vector<std::int32_t>> sources{{}};
  ASSERT_THAT(decode<double>(unknown.model, tape, sources, {.max_length = 2})[0], ElementsAre(kUnknown, kUnknown));
}

TEST(Evaluation, TokensAreCountedWithAndWithoutTheirEnd) {
  Constant end({0, 0, 9, 0, 0, 0, 0});
  const Evaluation found = end.on(Pairs({{{kA}, {kA, kA, kA}}, {{kA}, {kA}}}));
  EXPECT_DOUBLE_EQ(found.value("token_accuracy"), 2.0 / 6);
  EXPECT_EQ(found.value("token_accuracy_without_end"), 0);
  EXPECT_EQ(found.value("unknown_share"), 0);
  EXPECT_EQ(found.value("loss"), found.value("loss_all_tokens"));
}

TEST(Evaluation, SequencesTooLongForTheModelAreWrongOrLeftOut) {
  Constant model({0, 0, 9, 0, 0, 0, 0});
  const std::vector<std::int32_t> nine(9, kA);  // with its source, start, middle and end: 13 positions of 12
  const Pairs data({{{kA, kA}, nine}, {{kA}, {}}, {{kA}, {kA}}});
  EXPECT_THAT(too_long_sequences(model.model, data, Split::test), ElementsAre(0));
  const Evaluation wrong = model.on(data);
  EXPECT_EQ(wrong.count("too_long"), 1);
  EXPECT_EQ(wrong.count("sequences"), 3);
  EXPECT_EQ(wrong.count("tokens"), 10 + 1 + 2);
  EXPECT_DOUBLE_EQ(wrong.value("exact_match"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(wrong.value("token_accuracy"), 2.0 / 13);
  const Evaluation left_out = model.on(data, {.too_long = TooLong::left_out});
  EXPECT_EQ(left_out.count("too_long"), 1);
  EXPECT_EQ(left_out.count("sequences"), 2);
  EXPECT_EQ(left_out.available, 3);
  EXPECT_EQ(left_out.count("tokens"), 3);
  EXPECT_DOUBLE_EQ(left_out.value("exact_match"), 0.5);
  EXPECT_EQ(left_out.value("loss"), wrong.value("loss")) << "over what the model was asked";

  const Pairs none({{{kA, kA}, nine}});
  EXPECT_TRUE(std::isnan(model.on(none).value("loss")));
  EXPECT_EQ(model.on(none).value("exact_match"), 0);
  EXPECT_THAT([&] { model.on(none, {.too_long = TooLong::left_out}); },
              testing::ThrowsMessage<DataError>(HasSubstr("every sequence exceeds the model's 12 positions")));
}

TEST(Evaluation, LogitsThatAreNoNumbersAreNeverRight) {
  Constant broken(std::vector<double>(7, kNan));
  const Evaluation found = broken.on(Pairs({{{kA}, {kA}}, {{kA}, {}}}));
  EXPECT_EQ(found.value("token_accuracy"), 0);
  EXPECT_EQ(found.value("exact_match"), 0);
  EXPECT_TRUE(std::isnan(found.value("loss")));
}

TEST(Decoding, TheLikeliestTokenCanBeWrittenAndIsANumber) {
  const auto likeliest = [](std::vector<double> logits) {
    return likeliest_token(logits.data(), static_cast<std::int64_t>(logits.size()));
  };
  EXPECT_EQ(likeliest({9, 8, 1, 2, 4, 4}), 4) << "neither <pad> nor <s>; the first of two";
  EXPECT_EQ(likeliest({9, 8, 1, kNan, 0, kNan}), kEnd);
  EXPECT_EQ(likeliest({1, 1, kNan, kNan, -2, kNan}), 4);
  EXPECT_EQ(likeliest({1, 1, kNan, kNan, kNan}), kPadding);
  const double minus = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(likeliest({0, 0, minus, minus}), kEnd);
}

// In batches or at once: the same outputs.
TEST(Decoding, AnyNumberOfSourcesIsTakenAFewAtATime) {
  const Model model(small_model(reversing(), "transformer"));
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(3);
  Tape<double> tape(parameters);
  std::vector<std::vector<std::int32_t>> sources;
  for (std::int64_t i = 0; i < 60; ++i) sources.push_back(reversing().example(Split::test, i).source);
  const std::vector<SequenceLengths> longest(sources.size(), {10, 32});
  ASSERT_GT(cut_batches(model, longest, batch_budget(model)).size(), 0U);
  EXPECT_EQ(decode_in_batches<double>(model, parameters, sources, {.max_length = 12}),
            decode<double>(model, tape, sources, {.max_length = 12}));
  EXPECT_TRUE(decode_in_batches<double>(model, parameters, {}, {.max_length = 12}).empty());
}

TEST(Batching, BatchesKeepWithinTheBudgetAndMissNobody) {
  const Model model(small_model(reversing(), "transformer"));
  std::vector<SequenceLengths> examples;
  for (std::int64_t i = 0; i < 200; ++i) examples.push_back({1 + i * 7 % 30, 1 + i * 13 % 30});
  const double budget = pass_values(model, {15, 15}).of(5);
  const auto batches = cut_batches(model, examples, budget);
  std::int64_t next = 0;
  for (const auto& [first, last] : batches) {
    EXPECT_EQ(first, next);
    ASSERT_LT(first, last);
    next = last;
    SequenceLengths longest;
    for (std::int64_t i = first; i < last; ++i) {
      longest.source = std::max(longest.source, examples[static_cast<std::size_t>(i)].source);
      longest.target = std::max(longest.target, examples[static_cast<std::size_t>(i)].target);
    }
    EXPECT_LE(pass_values(model, longest).of(last - first), budget);
  }
  EXPECT_EQ(next, 200);
  EXPECT_LT(batches.size(), 120U) << "else they are batches of one";
  EXPECT_EQ(cut_batches(model, examples, 1).size(), 200U);
  EXPECT_TRUE(cut_batches(model, {}, budget).empty());
}

// What a pass has once is no reason to take one example at a time.
TEST(Batching, WideRecurrentModelsReadManyExamplesAtOnce) {
  ModelConfig config = small_model(reversing(), "rnn_decoder");
  config.d_model = 512;
  const Model model(config);
  const std::vector<SequenceLengths> examples(50, {0, 12});
  EXPECT_LT(cut_batches(model, examples, batch_budget(model)).size(), 10U);
}

TEST(Batching, BatchesAreNoLargerThanAskedFor) {
  const Model model(small_model(reversing(), "transformer"));
  const std::vector<SequenceLengths> examples(50, {5, 5});
  const auto batches = cut_batches(model, examples, 1e12, 7);
  EXPECT_EQ(batches.size(), 8U);
  for (const auto& [first, last] : batches) EXPECT_LE(last - first, 7);
}

// What the tapes of a step have room for is enough, whatever is judged on them.
TEST(Evaluation, TakesNoMoreMemoryThanATrainingStep) {
  const MadeDataset data(
      {.task = "copy", .symbols = 300, .min_length = 1, .max_length = 40, .validation = 150, .test = 150});
  for (const ModelSpec& spec : model_specs()) {
    if (spec.reads_features()) continue;  // the data have none
    for (const int shards : {1, 3}) {
      for (const std::int64_t batch : {3, 12}) {
        ModelConfig config = small_model(data, spec.name);
        config.max_positions = 90;
        const Model model(config);
        ParameterStore<float> parameters(model.layout());
        parameters.initialise(3);
        WorkerPool workers(3);
        const StepOptions options{.batch = batch, .shards = shards};
        const TrainingStep<float> step(model, parameters, data, workers, options);
        const auto memory = [&] {
          std::size_t sum = 0;
          for (const auto& tape : step.tapes()) sum += tape->memory();
          return sum;
        };
        const std::size_t before = memory();
        const EvaluationOptions like = evaluation_like(options, model, data);
        EXPECT_EQ(evaluate(model, parameters, data, Split::test, workers, like, step.tapes()).count("sequences"), 150);
        EXPECT_EQ(memory(), before) << spec.name << " shards " << shards << " batch " << batch;
      }
    }
  }
}

// Also of one long sequence, whose attention works in tiles, and of fewer sequences than workers.
TEST(Evaluation, IsTheSameToTheBitWithAnyNumberOfWorkers) {
  const MadeDataset data(
      {.task = "copy", .symbols = 30, .min_length = 60, .max_length = 150, .validation = 20, .test = 20});
  for (const ModelSpec& spec : model_specs()) {
    if (spec.reads_features()) continue;  // the data have none
    for (const char* kernel : {"whole", "tiled"}) {
      ModelConfig config = small_model(data, spec.name);
      config.max_positions = 310;
      config.attention = kernel;
      const Model model(config);
      ParameterStore<float> parameters(model.layout());
      parameters.initialise(3);
      for (const std::int64_t limit : {1, 2, 20}) {
        std::vector<double> first;
        for (const int threads : {1, 2, 5}) {
          WorkerPool workers(threads);
          const Evaluation found = evaluate(model, parameters, data, Split::test, workers, {.limit = limit});
          std::vector<double> values;
          for (const Result& result : found.results) values.push_back(result.value);
          if (first.empty()) first = values;
          EXPECT_EQ(values, first) << spec.name << " " << kernel << " " << limit << " sequences, threads " << threads;
        }
      }
    }
  }
}

TEST(Evaluation, StopsWhenItIsAskedTo) {
  const Model model(small_model(reversing(), "transformer"));
  ParameterStore<float> parameters(model.layout());
  WorkerPool workers(2);
  std::atomic<bool> stop = true;
  EXPECT_THROW(evaluate(model, parameters, reversing(), Split::test, workers, {.stop = &stop}), EvaluationStopped);
  stop = false;
  EXPECT_EQ(evaluate(model, parameters, reversing(), Split::test, workers, {.stop = &stop}).count("sequences"), 60);
}

}  // namespace
}  // namespace tapehead
