// Steps whose numbers are not finite: they stop the run or are left out, and what is counted and saved then.

#include <gmock/gmock.h>

#include <limits>
#include <set>

#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/nonfinite.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

// Spoils a parameter after a step, and mends it when the next one is left out.
struct Spoiler : TrainingObserver {
  Spoiler(ParameterStore<float>& store, std::set<std::int64_t> steps)
      : parameters(store), spoilt_steps(std::move(steps)) {}
  void on_step(const Progress& progress) override {
    if (!spoilt_steps.contains(progress.step)) return;
    kept = parameters.values().data()[0];
    parameters.values().data()[0] = std::numeric_limits<float>::quiet_NaN();
  }
  void on_skip(const Progress& progress, const std::string& why) override {
    parameters.values().data()[0] = kept;
    skipped.push_back(progress.step);
    message = why;
  }

  ParameterStore<float>& parameters;
  std::set<std::int64_t> spoilt_steps;
  float kept = 0;
  std::vector<std::int64_t> skipped;
  std::string message;
};

TEST_F(TrainingRun, ANumberThatIsNoneStopsItAndLeavesTheCheckpoint) {
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  TrainerOptions options = small_run(2);
  options.checkpoint_every = 5;
  Spoiler observer(parameters, {12});
  EXPECT_THAT([&] { train(model, parameters, reversing(), options, {.path = folder("run")}, observer); },
              ThrowsMessage<NonfiniteError>(testing::AllOf(HasSubstr("training: step 13: the loss is nan"),
                                                           HasSubstr("the parameter embedding.weight held one before"),
                                                           HasSubstr("the checkpoint of step 10 stays"))));
  const CheckpointReader reader(folder("run") + "/checkpoint.h5");
  EXPECT_EQ(reader.meta().step, 10U);
  reader.load(parameters);
  EXPECT_EQ(first_nonfinite_parameter(parameters), "");
}

TEST_F(TrainingRun, TheFirstOpThatOverflowsIsNamed) {
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  for (float& weight : parameters.values(*model.layout().find("decoder.layers.0.feed_forward.inner.weight")))
    weight = 3e38F;
  WorkerPool workers(2);
  TrainingStep<float> step(model, parameters, reversing(), workers, small_run(2).step);
  const std::string before = parameter_digest(parameters);
  EXPECT_THAT([&] { step.run(3); },
              ThrowsMessage<NonfiniteError>(testing::AllOf(
                  HasSubstr("training: step 3: "), HasSubstr("affine_activation (op "),
                  testing::ContainsRegex(" of example [0-9] of the batch"), HasSubstr("from numbers up to 3e+38"))));
  EXPECT_EQ(parameter_digest(parameters), before);
}

// Weights that the last step ruined are neither judged nor saved, with no later step to notice; nor is a moment.
TEST_F(TrainingRun, WeightsThatAreNotFiniteAreNeverSaved) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(1);
  options.steps = 12;
  options.checkpoint_every = 4;
  options.validate_every = 0;
  options.skip_nonfinite = 100;
  const std::string path = folder("run");
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  Spoiler last(parameters, {12});
  EXPECT_THAT([&] { train(model, parameters, reversing(), options, {.path = path}, last); },
              ThrowsMessage<NonfiniteError>(
                  testing::AllOf(HasSubstr("step 12 left a number in embedding.weight that is not finite"),
                                 HasSubstr("the checkpoint of step 8 stays"))));
  EXPECT_EQ(CheckpointReader(path + "/checkpoint.h5").meta().step, 8U);

  // Parameters that stay so: no further step can be any better.
  struct Ruin : TrainingObserver {
    explicit Ruin(ParameterStore<float>& store) : parameters(store) {}
    void on_step(const Progress&) override {
      parameters.values().data()[0] = std::numeric_limits<float>::infinity();
      ++steps;
    }
    ParameterStore<float>& parameters;
    int steps = 0;
  } ruin(parameters);
  parameters.initialise(7);
  options.checkpoint_every = 0;
  EXPECT_THROW(train(model, parameters, reversing(), options, {.path = folder("ruin")}, ruin), NonfiniteError);
  EXPECT_EQ(ruin.steps, 1);
  EXPECT_FALSE(std::filesystem::exists(folder("ruin") + "/checkpoint.h5"));
}

TEST_F(TrainingRun, StepsThatAreNotFiniteAreLeftOutUpToALimit) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(2);
  options.skip_nonfinite = 2;
  const auto run = [&](const std::string& path, std::set<std::int64_t> spoilt, bool resume) {
    ParameterStore<float> parameters(model.layout());
    parameters.initialise(7);
    Spoiler observer(parameters, std::move(spoilt));
    train(model, parameters, reversing(), options, {.path = path, .resume = resume}, observer);
    EXPECT_THAT(observer.message, HasSubstr("the parameter embedding.weight held one before"));
    return std::pair(observer.skipped, parameter_digest(parameters));
  };
  const auto [skipped, digest] = run(folder("run"), {3, 22}, false);
  EXPECT_THAT(skipped, testing::ElementsAre(4, 23));
  EXPECT_EQ(CheckpointReader(folder("run") + "/checkpoint.h5").meta().numbers.at("skipped_steps"), 2);
  EXPECT_EQ(run(folder("again"), {3, 22}, false).second, digest);
  // Row 10, 20 … : the one of a step that was left out says so.
  TrainerOptions often = options;
  often.log_every = 1;
  std::swap(options, often);
  run(folder("rows"), {3}, false);
  std::swap(options, often);
  EXPECT_THAT(metrics_of(folder("rows")), testing::ContainsRegex("\n4,[0-9.e-]+,nan,nan,"));
  EXPECT_THROW(run(folder("often"), {3, 22, 31}, false), NonfiniteError);

  // The limit is on the whole run, wherever it was stopped.
  options.steps = 50;
  EXPECT_THROW(run(folder("run"), {45}, true), NonfiniteError);
  options.skip_nonfinite = 3;
  EXPECT_THAT(run(folder("run"), {45}, true).first, testing::ElementsAre(46));
}

TEST_F(TrainingRun, AdamCountsUpdatesNotSteps) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(1);
  options.steps = 6;
  options.skip_nonfinite = 1;
  options.validate_every = 0;
  const auto numbers_of = [&](const std::string& path) {
    return CheckpointReader(path + "/checkpoint.h5").meta().numbers;
  };
  const std::string path = folder("skipping");
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  Spoiler observer(parameters, {2});
  train(model, parameters, reversing(), options, {.path = path}, observer);
  EXPECT_EQ(numbers_of(path).at("skipped_steps"), 1);
  EXPECT_EQ(numbers_of(path).at("updates"), 5);

  // The same by hand, with t counted so.
  ParameterStore<float> mirror(model.layout());
  mirror.initialise(7);
  WorkerPool workers(1);
  TrainingStep<float> step(model, mirror, reversing(), workers, options.step);
  Optimizer<float> optimizer(options.step.optimizer, model.layout());
  GlobalNorm<float> norm(model.layout().flat_size());
  for (std::int64_t s = 1; s <= 6; ++s) {
    if (s == 3) continue;
    step.differentiate(s);
    optimizer.update(mirror.values(), step.gradient(), learning_rate(options.step.schedule, s),
                     clip_scale(norm(step.gradient(), workers), options.step.clip), workers);
  }
  EXPECT_EQ(parameter_digest(parameters), parameter_digest(mirror));

  // Resumed after the step that was left out: the count is part of what is saved.
  ParameterStore<float> parts(model.layout());
  parts.initialise(7);
  struct Stop : Spoiler {
    using Spoiler::Spoiler;
    void on_step(const Progress& progress) override {
      Spoiler::on_step(progress);
      stop = progress.step == 4;
    }
    std::atomic<bool> stop{false};
  } stopping(parts, {2});
  const std::string parted = folder("parted");
  EXPECT_EQ(train(model, parts, reversing(), options, {.path = parted}, stopping, &stopping.stop),
            TrainingOutcome::interrupted);
  EXPECT_EQ(numbers_of(parted).at("updates"), 3);
  TrainingObserver quiet;
  train(model, parts, reversing(), options, {.path = parted, .resume = true}, quiet);
  EXPECT_EQ(parameter_digest(parts), parameter_digest(parameters));
}

// A checkpoint of before the count was kept.
TEST_F(TrainingRun, ACheckpointWithoutTheCountOfUpdatesIsResumed) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(1);
  options.steps = 6;
  options.validate_every = 0;
  const std::string whole = digest_of_run("decoder", options, folder("whole"));
  const std::string path = folder("old");
  TrainerOptions shorter = options;
  shorter.steps = 4;
  digest_of_run("decoder", shorter, path);
  ParameterStore<float> parameters(model.layout());
  Optimizer<float> optimizer(options.step.optimizer, model.layout());
  {
    const CheckpointReader reader(path + "/checkpoint.h5");
    reader.load(parameters, optimizer);
    CheckpointMeta meta = reader.meta();
    ASSERT_EQ(meta.numbers.erase("updates"), 1U);
    save_checkpoint(path + "/checkpoint.h5", meta, parameters, optimizer);
  }
  TrainingObserver observer;
  train(model, parameters, reversing(), options, {.path = path, .resume = true}, observer);
  EXPECT_EQ(parameter_digest(parameters), whole);
}

}  // namespace
}  // namespace tapehead
