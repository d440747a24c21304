// Layers that a user declared train as a Model does: with shards, metrics, checkpoints and resume, by the public API.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "docs/new_model/tagger.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

const MadeDataset& copying() {
  static const MadeDataset data(
      {.task = "copy", .symbols = 8, .min_length = 2, .max_length = 7, .validation = 40, .test = 40});
  return data;
}

// A user's model with its parameters, as the guide has it.
struct Own {
  explicit Own(std::uint64_t seed = 7)
      : tagger(Scope(layout, sites), 12, copying().source_vocabulary().size()), parameters(sealed(layout)) {
    parameters.initialise(seed);
  }

  Objective<float> objective() const {
    return {.loss = [this](auto& tape, auto& batch, auto& pass) { return tagger.loss(tape, batch, pass); }};
  }

  static const ParameterLayout& sealed(ParameterLayout& layout) {
    layout.seal();
    return layout;
  }

  ParameterLayout layout;
  std::uint32_t sites = 0;
  Tagger tagger;
  ParameterStore<float> parameters;
};

TrainerOptions options(int threads) {
  TrainerOptions options = small_run(threads, 5);
  options.step.schedule = {.learning_rate = 0.05};
  options.checkpoint_every = 10;
  return options;
}

std::string digest_after(const TrainerOptions& with, const RunFolder& folder, TrainingObserver& observer,
                         const std::atomic<bool>* stop = nullptr, TrainingOutcome end = TrainingOutcome::finished) {
  Own own;
  EXPECT_EQ(train(learner_of(own.objective(), copying()), own.parameters, copying(), with, folder, observer, stop),
            end);
  return parameter_digest(own.parameters);
}

struct Validations : TrainingObserver {
  void on_validation(const Progress& progress) override { losses.push_back(progress.validation->value("loss")); }
  std::vector<double> losses;
};

TEST_F(TrainingRun, LayersOfOnesOwnLearnWithAnyNumberOfThreads) {
  Validations validations;
  const std::string digest = digest_after(options(1), {.path = folder("one")}, validations);
  ASSERT_EQ(validations.losses.size(), 2U);
  EXPECT_LT(validations.losses[1], 0.1) << "eight symbols, each by itself: nearly nothing is left to learn";
  EXPECT_GT(validations.losses[0], validations.losses[1]);
  TrainingObserver quiet;
  EXPECT_EQ(digest_after(options(3), {.path = folder("three")}, quiet), digest);
  EXPECT_EQ(metrics_of(folder("three")), metrics_of(folder("one")));
  EXPECT_THAT(metrics_of(folder("one")), HasSubstr("step,learning_rate,train_loss,gradient_norm,valid_loss,\n"));
  EXPECT_TRUE(std::filesystem::exists(folder("one") + "/best.h5"));
}

// A process that dies: nothing is saved but what was.
struct Killed : TrainingObserver {
  void on_step(const Progress& progress) override {
    if (progress.step == 27) throw std::runtime_error("killed");
  }
};

TEST_F(TrainingRun, LayersOfOnesOwnAreResumedToTheBit) {
  TrainingObserver quiet;
  const std::string whole = digest_after(options(2), {.path = folder("whole")}, quiet);
  StopAfter stopping(13);
  const RunFolder stopped{.path = folder("stopped")};
  digest_after(options(3), stopped, stopping, &stopping.stop, TrainingOutcome::interrupted);
  EXPECT_EQ(digest_after(options(1), {.path = stopped.path, .resume = true}, quiet), whole);
  EXPECT_EQ(metrics_of(stopped.path), metrics_of(folder("whole")));

  Killed dying;
  const RunFolder killed{.path = folder("killed")};
  EXPECT_THROW(digest_after(options(2), killed, dying), std::runtime_error);
  EXPECT_EQ(CheckpointReader(killed.path + "/checkpoint.h5").meta().step, 20U);
  EXPECT_EQ(digest_after(options(3), {.path = killed.path, .resume = true}, quiet), whole);
  EXPECT_EQ(metrics_of(killed.path), metrics_of(folder("whole")));
}

// What a shard is told of the whole batch makes the loss the same however it is cut.
TEST(OwnModel, ItsLossIsTheSameWhateverTheShards) {
  std::vector<double> losses;
  for (const int shards : {1, 3, 7}) {
    Own own;
    WorkerPool workers(2);
    TrainingStep<float> step(own.objective(), own.parameters, copying(), workers, {.batch = 10, .shards = shards});
    losses.push_back(step.differentiate(3).loss);
  }
  EXPECT_NEAR(losses[1], losses[0], 1e-5);
  EXPECT_NEAR(losses[2], losses[0], 1e-5);
  EXPECT_GT(losses[0], 1);
}

}  // namespace
}  // namespace tapehead
