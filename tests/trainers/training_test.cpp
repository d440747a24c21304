// Real training, small: the same bits with any number of threads, stopped and resumed or not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/trainer.hpp"

namespace tapehead {
namespace {

TEST_F(TrainingRun, ThreadsDoNotChangeABit) {
  for (const char* kind : {"transformer", "decoder", "encoder", "rnn", "rnn_decoder", "rnn_without_attention",
                           "convolution", "convolution_decoder"}) {
    for (const int shards : {3, 4}) {
      const std::string one = digest_of_run(kind, small_run(1, shards), folder("one"));
      EXPECT_EQ(digest_of_run(kind, small_run(2, shards), folder("two")), one) << kind << " S = " << shards;
      EXPECT_EQ(digest_of_run(kind, small_run(5, shards), folder("five")), one) << kind << " S = " << shards;
      EXPECT_EQ(metrics_of(folder("two")), metrics_of(folder("one")));
    }
  }
}

TEST_F(TrainingRun, StoppedAndResumedEndsWithTheSameBitsAndMetrics) {
  for (const char* kind : {"transformer", "decoder", "encoder", "rnn", "rnn_decoder", "rnn_without_attention",
                           "convolution", "convolution_decoder"}) {
    const std::string whole = digest_of_run(kind, small_run(2), folder("whole"));
    EXPECT_EQ(digest_of_run(kind, small_run(2), folder("parts"), {3, 10, 27, 39}), whole) << kind;
    EXPECT_EQ(metrics_of(folder("parts")), metrics_of(folder("whole")));
  }
}

// A shard that is all of the batch: its examples are read in groups, which threads share out.
TEST_F(TrainingRun, ThreadsDoNotChangeABitOfOneShard) {
  for (const char* kind : {"rnn", "rnn_decoder"}) {
    TrainerOptions options = small_run(1, 1);
    options.step.batch = 36;
    const std::string one = digest_of_run(kind, options, folder("one"));
    options.threads = 3;
    EXPECT_EQ(digest_of_run(kind, options, folder("three")), one) << kind;
  }
}

TEST_F(TrainingRun, SeedsAndShardsMatter) {
  const std::string base = digest_of_run("decoder", small_run(2), folder("a"));
  TrainerOptions other = small_run(2);
  other.step.seed = 8;
  EXPECT_NE(digest_of_run("decoder", other, folder("b")), base);
}

TEST_F(TrainingRun, LossFalls) {
  const Model model(small_model(reversing(), "transformer"));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  WorkerPool workers(2);
  const double before = evaluate(model, parameters, reversing(), Split::validation, workers).value("loss");
  TrainingObserver observer;
  train(model, parameters, reversing(), small_run(2), {.path = folder("run")}, observer);
  EXPECT_LT(evaluate(model, parameters, reversing(), Split::validation, workers).value("loss"), before - 0.3);
}

TEST_F(TrainingRun, ResumingOnOtherDataIsRefused) {
  const TrainerOptions options = small_run(1);
  digest_of_run("decoder", options, folder("run"));
  const MadeDataset other(
      {.task = "copy", .symbols = 8, .min_length = 3, .max_length = 9, .validation = 60, .test = 60});
  const Model model(small_model(other, "decoder"));
  ParameterStore<float> parameters(model.layout());
  TrainingObserver observer;
  EXPECT_THAT([&] { train(model, parameters, other, options, {.path = folder("run"), .resume = true}, observer); },
              testing::ThrowsMessage<CheckpointError>(testing::HasSubstr("other data")));
}

TEST_F(TrainingRun, NoStepsAtAllLeaveTheInitialParameters) {
  TrainerOptions options = small_run(1);
  options.steps = 0;
  const std::string initial = digest_of_run("decoder", options, folder("run"));
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> saved(model.layout());
  CheckpointReader(folder("run") + "/checkpoint.h5").load(saved);
  EXPECT_EQ(parameter_digest(saved), initial);

  // What goes on from there is the run that was never stopped.
  const std::string whole = digest_of_run("decoder", small_run(1), folder("whole"));
  ParameterStore<float> parameters(model.layout());
  TrainingObserver observer;
  train(model, parameters, reversing(), small_run(1), {.path = folder("run"), .resume = true}, observer);
  EXPECT_EQ(parameter_digest(parameters), whole);
}

// The loss, token by token and sequence by sequence, in plain loops over one example at a time.
struct PlainEvaluation {
  double loss = 0, token_accuracy = 0, exact_match = 0;

  PlainEvaluation(const Model& model, ParameterStore<double>& parameters, const Dataset& data, Split split) {
    Tape<double> tape(parameters);
    std::int64_t tokens = 0;
    for (std::int64_t i = 0; i < data.size(split); ++i) {
      const NoGrad<double> no_grad(tape);
      const SequencePair pair = data.example(split, i);
      Batch batch(batch_layout(data, model.reads_source()));
      batch.reserve(1, std::ssize(pair.source), std::ssize(pair.target));
      batch.append(pair.source, pair.target);
      const Var<double> logits = model.logits(tape, batch.view(), Pass{});
      for (std::int64_t t = 0; t < batch.expected().positions; ++t) {
        const std::int32_t expected = batch.expected()(t, 0);
        if (expected == kPadding) continue;
        ++tokens;
        const double* z = logits.data() + t * logits.shape().rows;
        double total = 0;
        bool likeliest = true;
        for (std::int64_t v = 0; v < logits.shape().rows; ++v) {
          total += std::exp(z[v]);
          likeliest &= z[v] <= z[expected];
        }
        loss += std::log(total) - z[expected];
        token_accuracy += likeliest ? 1 : 0;
      }
      const std::vector<std::vector<std::int32_t>> sources{pair.source};
      exact_match += decode<double>(model, tape, sources, {.max_length = 1000})[0] == pair.target ? 1 : 0;
    }
    loss /= static_cast<double>(tokens);
    token_accuracy /= static_cast<double>(tokens);
    exact_match /= static_cast<double>(data.size(split));
  }
};

TEST_F(TrainingRun, EvaluationIsWhatPlainLoopsFind) {
  const MadeDataset data(
      {.task = "copy", .symbols = 8, .min_length = 3, .max_length = 4, .validation = 50, .test = 50});
  for (const char* kind : {"transformer", "decoder", "encoder"}) {
    const Model model(small_model(data, kind));
    ParameterStore<double> parameters(model.layout());
    parameters.initialise(7);
    TrainerOptions options = small_run(2);
    options.steps = std::string(kind) == "encoder" ? 15 : 200;  // which learns to copy at once
    options.validate_every = 0;
    options.step.schedule = {.learning_rate = 0.01};
    TrainingObserver observer;
    train(model, parameters, data, options, {.path = folder(kind)}, observer);
    WorkerPool workers(2);
    const Evaluation found = evaluate(model, parameters, data, Split::test, workers, {.budget = 2e4});
    const PlainEvaluation expected(model, parameters, data, Split::test);
    EXPECT_NEAR(found.value("loss"), expected.loss, 1e-12) << kind;
    EXPECT_NEAR(found.value("perplexity"), std::exp(expected.loss), 1e-10);
    EXPECT_DOUBLE_EQ(found.value("token_accuracy"), expected.token_accuracy);
    EXPECT_DOUBLE_EQ(found.value("exact_match"), expected.exact_match);
    EXPECT_GT(found.value("exact_match"), 0.02) << "else the comparison says little";
    EXPECT_LT(found.value("exact_match"), 0.98);
  }
}

// Sequences without sources, the same in training and held out.
class Songs : public Dataset {
 public:
  const Vocabulary& source_vocabulary() const override { return vocabulary_; }
  const Vocabulary& target_vocabulary() const override { return vocabulary_; }
  const ExampleShape& shape() const override { return shape_; }
  void fill_training_batch(std::uint64_t, std::uint64_t, std::int64_t examples, Batch& batch) const override {
    batch.clear();
    for (std::int64_t i = 0; i < examples; ++i) batch.append({}, songs_.at(static_cast<std::size_t>(i)));
  }
  std::int64_t size(Split) const override { return 2; }
  SequencePair example(Split, std::int64_t index) const override {
    return {{}, songs_.at(static_cast<std::size_t>(index))};
  }
  std::uint64_t digest() const override { return 0; }

 private:
  ExampleShape shape_{.data = "songs", .has_source = false, .target = 3};
  Vocabulary vocabulary_{{"la", "li", "lu"}};
  std::vector<std::vector<std::int32_t>> songs_{{4, 5, 6}, {6, 4}};
};

TEST_F(TrainingRun, SequencesWithoutSourcesAreEvaluatedAsTheyAreTrained) {
  const Songs songs;
  ModelConfig config = small_model(songs, "decoder");
  config.dropout = 0;
  const Model model(config);
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(7);
  WorkerPool workers(1);
  TrainingStep<double> step(model, parameters, songs, workers, {.batch = 2, .shards = 1});
  const StepReport trained = step.differentiate(1);
  const Evaluation evaluated = evaluate(model, parameters, songs, Split::test, workers);
  EXPECT_NEAR(evaluated.value("loss"), trained.loss, 1e-12);
  EXPECT_EQ(evaluated.count("tokens"), 7);
  EXPECT_TRUE(std::isnan(evaluated.value("exact_match"))) << "nothing says which of them to write";
}

TEST_F(TrainingRun, EvaluationDoesNotDependOnWorkersOrBatch) {
  const Model model(small_model(reversing(), "transformer"));
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(7);
  WorkerPool one(1);
  WorkerPool three(3);
  const Evaluation a = evaluate(model, parameters, reversing(), Split::test, one);
  const Evaluation b = evaluate(model, parameters, reversing(), Split::test, three);
  const Evaluation c = evaluate(model, parameters, reversing(), Split::test, three, {.budget = 1, .shards = 1});
  EXPECT_EQ(a.value("loss"), b.value("loss"));
  EXPECT_EQ(a.value("token_accuracy"), b.value("token_accuracy"));
  EXPECT_NEAR(a.value("loss"), c.value("loss"), 1e-12);
  EXPECT_EQ(a.count("tokens"), c.count("tokens"));
  EXPECT_EQ(a.count("sequences"), 60);
}

TEST(TrainingStep, GradientIsTheSameWhateverTheShardsUpToRounding) {
  const Model model(small_model(reversing(), "transformer"));
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(7);
  WorkerPool workers(2);
  std::vector<double> reference;
  for (const int shards : {1, 2, 3, 7}) {
    StepOptions options = small_run(2, shards).step;
    TrainingStep<double> step(model, parameters, reversing(), workers, options);
    const StepReport report = step.differentiate(5);
    const std::vector<double> gradient(step.gradient(), step.gradient() + model.layout().flat_size());
    if (reference.empty()) reference = gradient;
    EXPECT_GT(report.loss, 0);
    for (std::size_t i = 0; i < gradient.size(); ++i) ASSERT_NEAR(gradient[i], reference[i], 1e-14);
  }
}

}  // namespace
}  // namespace tapehead
