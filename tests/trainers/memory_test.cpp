#include "trainers/memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "layers/attention/combinations.hpp"
#include "layers/mixers/mixer.hpp"
#include "layers/models/family.hpp"
#include "layers/models/model.hpp"
#include "layers/recurrent/cell.hpp"
#include "tests/support/chosen.hpp"
#include "tests/support/token_batch.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

ModelConfig huge() {
  return {.layers = 1000,
          .heads = 16,
          .d_model = 65536,
          .d_ff = 1 << 20,
          .source_vocabulary = 100,
          .target_vocabulary = 100};
}

TEST(Memory, CountsVectorsAsLongAsTheParametersExactly) {
  const Model model({.layers = 1, .source_vocabulary = 20, .target_vocabulary = 20});
  const auto flat = static_cast<double>(model.layout().flat_size());
  const MemoryEstimate adam = estimate_memory(model, {.batch = 8, .shards = 4}, {6, 6}, 1, 4);
  EXPECT_EQ(adam.parameters, 2 * 4 * flat);
  EXPECT_EQ(adam.optimizer, 2 * 4 * flat);
  EXPECT_EQ(adam.shards, 3 * 4 * flat) << "one worker and four shards: a tree of height two";
  EXPECT_EQ(adam.saving, 6 * 4 * flat);
  StepOptions plain{.batch = 8, .shards = 4};
  plain.optimizer.kind = "sgd";
  const MemoryEstimate sgd = estimate_memory(model, plain, {6, 6}, 4, 8);
  EXPECT_EQ(sgd.optimizer, 0);
  EXPECT_EQ(sgd.shards, 4 * 8 * flat) << "each worker has the one it fills";
}

TEST(Memory, TapesGrowWithWhatTheyHold) {
  const Model model({.layers = 2, .max_positions = 4096, .source_vocabulary = 20, .target_vocabulary = 20});
  const auto tapes = [&](const StepOptions& step, std::int64_t length, int threads) {
    return estimate_memory(model, step, {length, length}, threads, 4).tapes;
  };
  const double base = tapes({.batch = 8, .shards = 4}, 20, 1);
  EXPECT_EQ(tapes({.batch = 16, .shards = 4}, 20, 1), 2 * base);
  EXPECT_EQ(tapes({.batch = 8, .shards = 8}, 20, 1), base / 2);
  EXPECT_EQ(tapes({.batch = 8, .shards = 4}, 20, 2), 2 * base);
  EXPECT_EQ(tapes({.batch = 8, .shards = 4}, 20, 64), 4 * base) << "more threads than shards have no tape";
  const double whole = tapes({.batch = 8, .shards = 4}, 1000, 1);
  EXPECT_GT(whole, 50 * base) << "attention weights grow with the square";
  EXPECT_LT(tapes({.batch = 8, .shards = 4}, 4000, 1), 2 * whole) << "larger maps are not kept";
}

// The estimate against what a pass takes, whose memory comes in pieces of doubling size, for every choice of attention
// by itself.
TEST(Memory, TapesAreAboutAsLargeAsEstimatedWhateverTheAttention) {
  const std::int64_t length = 200;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(length), 5);
  const std::vector<std::int32_t> lengths{static_cast<std::int32_t>(length)};
  const TokenView tokens{ids.data(), lengths.data(), length, length, 1};
  const auto ratio = [&](const std::vector<AttentionChoice>& choices) {
    const Model model(testing_support::chosen({.model = "decoder",
                                               .layers = 4,
                                               .heads = 4,
                                               .d_model = 32,
                                               .d_head = 16,
                                               .d_ff = 64,
                                               .dropout = 0.1,
                                               .max_positions = length,
                                               .target_vocabulary = 20},
                                              choices));
    ParameterStore<double> parameters(model.layout());
    parameters.initialise(1);
    Tape<double> tape(parameters);
    model.features(tape, testing_support::token_batch(tokens, tokens, tokens), {.training = true});
    return static_cast<double>(tape.memory()) / (8 * pass_values(model, {length, length}).of(1));
  };
  for (const AttentionChoice& each : attention_choices()) {
    const double own = ratio({each});
    EXPECT_GT(own, 0.9) << each.option << " " << each.value;
    EXPECT_LT(own, 2.5) << each.option << " " << each.value;
  }
}

// The same for layers that are put together in other ways, in every family that has such layers.
TEST(Memory, TapesAreAboutAsLargeAsEstimatedWhateverALayerIsMadeOf) {
  const std::int64_t length = 200;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(length), 5);
  const std::vector<std::int32_t> lengths{static_cast<std::int32_t>(length)};
  const TokenView tokens{ids.data(), lengths.data(), length, length, 1};
  for (const char* family : {"transformer", "decoder", "encoder"}) {
    for (const ModelSpec::Case& each : block_cases({.model = family,
                                       .layers = 4,
                                       .heads = 4,
                                       .d_model = 32,
                                       .d_ff = 64,
                                       .dropout = 0.1,
                                       .max_positions = length,
                                       .source_vocabulary = 20,
                                       .target_vocabulary = 20})) {
      const Model model(each.config);
      ParameterStore<double> parameters(model.layout());
      parameters.initialise(1);
      Tape<double> tape(parameters);
      model.features(tape, testing_support::token_batch(tokens, tokens, tokens),
                     {.training = true, .every_layer = true});
      const double own = static_cast<double>(tape.memory()) / (8 * pass_values(model, {length, length}).of(1));
      EXPECT_GT(own, 0.9) << family << " " << each.label;
      EXPECT_LT(own, 2.5) << family << " " << each.label;
    }
  }
}

// The same for what stands in the place of attention; tables of a transform are there once.
TEST(Memory, TapesAreAboutAsLargeAsEstimatedWhateverTheMixer) {
  for (const MixerSpec& spec : mixer_specs()) {
    for (const std::int64_t examples : {1, 16}) {
      const std::int64_t length = 100;
      std::vector<std::int32_t> ids(static_cast<std::size_t>(length * examples), 5);
      const std::vector<std::int32_t> lengths(static_cast<std::size_t>(examples), static_cast<std::int32_t>(length));
      const TokenView tokens{ids.data(), lengths.data(), length, length, examples};
      const Model model({.model = "encoder",
                         .layers = 3,
                         .heads = 4,
                         .d_model = 64,
                         .d_ff = 64,
                         .mixer = spec.name,
                         .dropout = 0.1,
                         .max_positions = length,
                         .source_vocabulary = 20,
                         .target_vocabulary = 20});
      ParameterStore<double> parameters(model.layout());
      parameters.initialise(1);
      Tape<double> tape(parameters);
      model.features(tape, testing_support::token_batch(tokens, tokens, tokens), {.training = true});
      const double own = static_cast<double>(tape.memory()) / (8 * pass_values(model, {length, length}).of(examples));
      EXPECT_GT(own, 0.7) << spec.name << " " << examples;  // linear attention both ways keeps one state in all
      EXPECT_LT(own, 2.5) << spec.name << " " << examples;
    }
  }
}

// Weights that are turned are there once, and not with every example: wide models say so, and large batches. Pieces of
// doubling size may lie idle by two thirds.
TEST(Memory, TapesOfRecurrentModelsAreAboutAsLargeAsEstimated) {
  const auto check = [](const ModelConfig& config, std::int64_t examples) {
    const std::int64_t length = config.max_positions;
    std::vector<std::int32_t> ids(static_cast<std::size_t>(length * examples), 5);
    const std::vector<std::int32_t> lengths(static_cast<std::size_t>(examples), static_cast<std::int32_t>(length));
    const TokenView tokens{ids.data(), lengths.data(), length, length, examples};
    const Model model(config);
    ParameterStore<double> parameters(model.layout());
    parameters.initialise(1);
    Tape<double> tape(parameters);
    model.features(tape, testing_support::token_batch(tokens, tokens, tokens), {.training = true});
    const std::int64_t source = model.reads_source() ? length : 0;
    const double own = static_cast<double>(tape.memory()) / (8 * pass_values(model, {source, length}).of(examples));
    const auto& [cell, both, feeding] = config.recurrent;
    EXPECT_GT(own, 0.9) << config.model << " " << cell << " " << config.dropout << both << " " << feeding << " "
                        << config.d_model << " " << examples;
    EXPECT_LT(own, 3) << config.model << " " << cell << " " << config.dropout << both << " " << feeding << " "
                      << config.d_model << " " << examples;
  };
  for (const char* family : {"rnn", "rnn_decoder", "rnn_without_attention"}) {
    for (const CellSpec& cell : cell_specs()) {
      ModelConfig config{.model = family, .layers = 3, .source_vocabulary = 20, .target_vocabulary = 20};
      config.recurrent.cell = cell.name;
      for (const double dropout : {0.0, 0.1}) {
        for (const char* both : {"yes", "no"}) {
          for (const char* feeding : {"no", "yes"}) {
            config.d_model = 32;
            config.max_positions = 120;
            config.dropout = dropout;
            config.recurrent.bidirectional = both;
            config.recurrent.input_feeding = feeding;
            check(config, 1);
          }
        }
      }
      config.d_model = 128;
      config.max_positions = 12;
      config.recurrent = {.cell = cell.name};
      for (const std::int64_t examples : {1, 8, 64}) check(config, examples);
    }
  }
}

// A batch that is 64 times as large as another one, and takes a few times as much.
TEST(Memory, WhatAPassHasOnceIsCountedOnceAShard) {
  const Model model({.model = "rnn_decoder", .layers = 2, .d_model = 256, .max_positions = 8, .target_vocabulary = 20});
  const PassValues values = pass_values(model, {0, 8});
  EXPECT_EQ(values.shared, 2 * 3 * 256 * 256);
  const auto tapes = [&](std::int64_t batch) {
    return estimate_memory(model, {.batch = batch, .shards = 4}, {0, 8}, 1, 4).tapes;
  };
  EXPECT_DOUBLE_EQ(tapes(256) - tapes(128), 32 * values.example * 4 * 1.5);
  EXPECT_DOUBLE_EQ(tapes(4), (values.example + values.shared) * 4 * 1.5);
}

TEST(Memory, TapesOfConvolutionalModelsAreAboutAsLargeAsEstimated) {
  const std::int64_t length = 120;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(length), 5);
  const std::vector<std::int32_t> lengths{static_cast<std::int32_t>(length)};
  const TokenView tokens{ids.data(), lengths.data(), length, length, 1};
  for (const char* family : {"convolution", "convolution_decoder"}) {
    for (const double dropout : {0.0, 0.1}) {
      for (const std::int64_t width : {1, 3, 7}) {
        ModelConfig config{.model = family,
                           .layers = 3,
                           .d_model = 32,
                           .dropout = dropout,
                           .max_positions = length,
                           .source_vocabulary = 20,
                           .target_vocabulary = 20};
        config.convolution.width = width;
        const Model model(config);
        ParameterStore<double> parameters(model.layout());
        parameters.initialise(1);
        Tape<double> tape(parameters);
        model.features(tape, testing_support::token_batch(tokens, tokens, tokens), {.training = true});
        const std::int64_t source = model.reads_source() ? length : 0;
        const double own = static_cast<double>(tape.memory()) / (8 * pass_values(model, {source, length}).of(1));
        EXPECT_GT(own, 0.9) << family << " " << dropout << " " << width;
        EXPECT_LT(own, 2.5) << family << " " << dropout << " " << width;
      }
    }
  }
}

// No position is told apart.
TEST(Memory, RecurrentModelsHaveNoTablesOfPositions) {
  const Model model({.model = "rnn_decoder", .layers = 1, .max_positions = 1000, .target_vocabulary = 20});
  EXPECT_EQ(estimate_memory(model, {.batch = 8, .shards = 4}, {0, 6}, 1, 4).tables, 0);
}

TEST(Memory, OfAnEvaluationIsThatOfTheStepsShards) {
  const Model model({.layers = 2, .max_positions = 4096, .source_vocabulary = 20, .target_vocabulary = 20});
  const double each = pass_values(model, {100, 100}).of(1);
  const StepOptions step{.batch = 12, .shards = 4};
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 1, 8, 4), 4 * each) << "one sequence has one worker";
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 0, 8, 4), 0);
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 10000, 1, 4), 4 * 3 * each);
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 10000, 3, 4), 3 * 4 * 3 * each);
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 10000, 64, 4), 4 * 4 * 3 * each) << "as many as shards";
  EXPECT_EQ(estimate_evaluation(model, step, {100, 100}, 10000, 1, 8), 8 * 3 * each);
  EXPECT_LT(estimate_evaluation(model, step, {100, 100}, 10000, 3, 4),
            estimate_memory(model, step, {100, 100}, 3, 4).tapes);
}

TEST(Memory, TablesOfPositionsAreDoublesOfEachEmbedding) {
  const ModelConfig config{
      .layers = 1, .d_model = 64, .max_positions = 1000, .source_vocabulary = 20, .target_vocabulary = 20};
  ModelConfig learned = config;
  learned.positions = "learned";
  ModelConfig decoder = config;
  decoder.model = "decoder";
  const auto tables = [](const ModelConfig& of) {
    return estimate_memory(Model(of), {.batch = 8, .shards = 4}, {6, 6}, 1, 4).tables;
  };
  EXPECT_EQ(tables(config), 2 * 8 * 64 * 1000);
  EXPECT_EQ(tables(decoder), 8 * 64 * 1000);
  EXPECT_EQ(tables(learned), 0);
  MemoryEstimate estimate;
  estimate.tables = 3e12;
  EXPECT_THAT([&] { require_memory(estimate, 1e12, "a step"); },
              testing::ThrowsMessage<ConfigError>(testing::AllOf(HasSubstr("memory: a step would take about"),
                                                                 HasSubstr("(positions 2.7 TiB)"),
                                                                 HasSubstr("take a smaller max-positions"))));
}

// A model that is trained is what it is.
TEST(Memory, OfAnEvaluationAdvisesWhatCanStillBeChosen) {
  MemoryEstimate estimate;
  estimate.parameters = 3e12;
  EXPECT_THAT([&] { require_memory(estimate, 1e12, "evaluation"); },
              testing::ThrowsMessage<ConfigError>(
                  testing::AllOf(HasSubstr("memory: evaluation would take about 2.7 TiB (parameters 2.7 TiB)"),
                                 HasSubstr("; free some, or take a machine that has more: the model is as it is"))));
  estimate.evaluation = 9e12;
  EXPECT_THAT([&] { require_memory(estimate, 1e12, "evaluation"); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("; take fewer threads or shorter held-out sequences")));
}

TEST(Memory, AModelTooLargeIsRefusedWithFiguresBeforeItIsBuilt) {
  const Model model(huge());
  const MemoryEstimate estimate = estimate_memory(model, {}, {22, 22}, 4, 4);
  EXPECT_THAT([&] { require_memory(estimate, 24.0 * (1 << 30)); },
              testing::ThrowsMessage<ConfigError>(
                  testing::AllOf(HasSubstr("memory: training would take about "), HasSubstr(" PiB (parameters "),
                                 HasSubstr("24.0 GiB are "), HasSubstr("take a smaller d-model"))));
  MemoryEstimate long_batch;
  long_batch.tapes = 3e12;
  EXPECT_THAT([&] { require_memory(long_batch, 1e12); },
              testing::ThrowsMessage<ConfigError>(HasSubstr("take a smaller batch, more shards, shorter sequences")));
  EXPECT_NO_THROW(require_memory(long_batch, 3e12));
}

TEST(Memory, BytesArePrintedInUnitsThatFit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(24.0 * (1 << 30)), "24.0 GiB");
  EXPECT_EQ(bytes_text(1e30), "867361737988.4 EiB");
}

}  // namespace
}  // namespace tapehead
