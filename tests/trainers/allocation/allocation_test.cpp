// No heap allocation in a training step, counted in every thread, over 200 steps of varying length.

#include <gtest/gtest.h>

#include "datasets/made.hpp"
#include "docs/new_model/tagger.hpp"
#include "experiments/bench/allocation_counter.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/family.hpp"
#include "layers/recurrent/cell.hpp"
#include "tests/support/bright_corners.hpp"
#include "tests/support/chosen.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

TEST(AllocationCounter, SeesAllocationsOfEveryThread) {
  WorkerPool workers(2);
  workers.run([](int) {});  // OpenMP's OpenBLAS makes a note for each thread as it starts
  const AllocationCounter counter;
  workers.run([](int worker) {
    volatile char* piece = new char[static_cast<std::size_t>(100 + worker)];
    piece[0] = 1;
    delete[] piece;
  });
  EXPECT_EQ(counter.count(), 2);
}

// A model of these data, for so many steps of training. Of small batches the longest sequence differs from step to
// step.
void expect_none(const Dataset& data, ModelConfig config, const StepOptions& options, int steps) {
  config.source_vocabulary = data.source_vocabulary().size();
  config.target_vocabulary = data.target_vocabulary().size();
  const Model model(config);
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(1);
  WorkerPool workers(2);
  TrainingStep<float> step(model, parameters, data, workers, options);
  const AllocationCounter counter;
  for (int i = 1; i <= steps; ++i) step.run(i);
  EXPECT_EQ(counter.count(), 0);
}

MadeDataset copies(std::int64_t shortest, std::int64_t longest) {
  return MadeDataset(
      {.task = "copy", .symbols = 16, .min_length = shortest, .max_length = longest, .validation = 10, .test = 10});
}

const ModelConfig kSmall{.layers = 2, .heads = 2, .d_model = 16, .d_ff = 32, .dropout = 0.1, .max_positions = 64};

class StepAllocations : public testing::TestWithParam<const char*> {};

TEST_P(StepAllocations, AreNone) {
  ModelConfig config = kSmall;
  config.model = GetParam();
  expect_none(copies(1, 24), config, {.batch = 6, .shards = 3, .clip = 1}, 200);
}

class CellAllocations : public testing::TestWithParam<std::string> {};

TEST_P(CellAllocations, AreNone) {
  ModelConfig config = kSmall;
  config.recurrent.cell = GetParam();
  for (const char* model : {"rnn_decoder", "rnn"}) {
    config.model = model;
    expect_none(copies(1, 60), config, {.batch = 6, .shards = 3, .clip = 1}, 100);
  }
  config.recurrent.input_feeding = "yes";
  expect_none(copies(1, 24), config, {.batch = 6, .shards = 3, .clip = 1}, 50);
  config.recurrent = {.cell = GetParam(), .bidirectional = "no"};
  config.model = "rnn_without_attention";
  expect_none(copies(1, 24), config, {.batch = 40, .shards = 1, .clip = 1}, 50);  // in groups
}
INSTANTIATE_TEST_SUITE_P(Models, CellAllocations, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const CellSpec& spec : cell_specs()) names.push_back(spec.name);
                           return names;
                         }()),
                         [](const auto& at) { return at.param; });

class MixerAllocations : public testing::TestWithParam<std::string> {};

// An encoder reads both ways.
TEST_P(MixerAllocations, AreNone) {
  ModelConfig config = kSmall;
  config.mixer = GetParam();
  if (!find_mixer(config.mixer).causal) config.model = "encoder";
  expect_none(copies(1, 60), config, {.batch = 6, .shards = 3, .clip = 1}, 100);
}
INSTANTIATE_TEST_SUITE_P(Models, MixerAllocations, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const MixerSpec& spec : mixer_specs()) names.push_back(spec.name);
                           return names;
                         }()),
                         [](const auto& at) { return at.param; });

// Layers put together in every way; some steps leave all of them out.
TEST_P(StepAllocations, AreNoneWhateverALayerIsMadeOf) {
  for (const ModelSpec::Case& each : block_cases(kSmall)) {
    SCOPED_TRACE(each.label);
    ModelConfig config = each.config;
    config.model = GetParam();
    expect_none(copies(1, 24), config, {.batch = 6, .shards = 3, .clip = 1}, 60);
  }
}

TEST(StepAllocationsOfImages, AreNone) {
  const testing_support::BrightCorners data;
  for (const char* pooling : {"first", "mean"}) {
    ModelConfig config = testing_support::vision_of_corners(pooling);
    expect_none(data, config, {.batch = 7, .shards = 3, .clip = 1}, 100);
    config.positions = "sinusoidal_2d";
    for (const ModelSpec::Case& each : block_cases(config)) {
      SCOPED_TRACE(each.label);
      expect_none(data, each.config, {.batch = 7, .shards = 3, .clip = 1}, 60);
    }
  }
}

// Attention keeps whole maps of shorter sequences, which take more memory than longer ones in tiles.
TEST_P(StepAllocations, AreNoneAroundTheLengthFromWhichAttentionTakesTiles) {
  const ModelConfig config{
      .model = GetParam(), .layers = 1, .heads = 1, .d_model = 4, .d_ff = 4, .max_positions = 2300};
  expect_none(copies(500, 1100), config, {.batch = 2, .shards = 2}, 30);
}

// Every pair of choices of attention in some model.
TEST(StepAllocationsOfAnyAttention, AreNone) {
  const MadeDataset data = copies(1, 12);
  const ModelConfig config{
      .layers = 1, .heads = 4, .d_model = 8, .d_head = 4, .d_ff = 8, .dropout = 0.1, .max_positions = 16};
  for (const auto& row : attention_cover()) {
    std::string text;
    for (const AttentionChoice& each : row) text += each.option + " " + each.value + " ";
    SCOPED_TRACE(text);
    expect_none(data, testing_support::chosen(config, row), {.batch = 6, .shards = 3, .clip = 1}, 12);
  }
}

TEST(StepAllocationsOfAnyLoss, AreNone) {
  const MadeDataset data(
      {.task = "copy", .symbols = 16, .min_length = 1, .max_length = 24, .validation = 10, .test = 10});
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const Tagger tagger(Scope(layout, sites), 16, data.source_vocabulary().size());
  layout.seal();
  ParameterStore<float> parameters(layout);
  parameters.initialise(1);
  WorkerPool workers(2);
  TrainingStep<float> step(
      Objective<float>{.loss = [&](auto& tape, auto& batch, auto& pass) { return tagger.loss(tape, batch, pass); }},
      parameters, data, workers, {.batch = 6, .shards = 3, .clip = 1});
  const AllocationCounter counter;
  for (int i = 1; i <= 200; ++i) step.run(i);
  EXPECT_EQ(counter.count(), 0);
}

INSTANTIATE_TEST_SUITE_P(Models, StepAllocations,
                         testing::Values("transformer", "decoder", "encoder", "rnn", "rnn_decoder",
                                         "rnn_without_attention", "convolution", "convolution_decoder"),
                         [](const auto& at) { return std::string(at.param); });

}  // namespace
}  // namespace tapehead
