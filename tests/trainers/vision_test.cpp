// A model of images is trained, stopped, resumed, judged and asked like any other.

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "autograd/tape.hpp"
#include "layers/models/family.hpp"
#include "layers/pass.hpp"
#include "tests/support/bright_corners.hpp"
#include "tests/support/drawn.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/batching.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/decoding/questions.hpp"
#include "trainers/memory.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using testing_support::BrightCorners;
using testing_support::drawn_parameters;
using testing_support::fill;
using testing_support::vision_of_corners;

const BrightCorners kData;

std::string digest_after(const ModelConfig& config, const TrainerOptions& options, const std::string& path,
                         std::initializer_list<std::int64_t> stops = {}) {
  const Model model(config);
  RunFolder folder{.path = path, .config = "vision"};
  for (const std::int64_t at : stops) {
    ParameterStore<float> parameters(model.layout());
    parameters.initialise(7);
    StopAfter observer(at);
    EXPECT_EQ(train(model, parameters, kData, options, folder, observer, &observer.stop), TrainingOutcome::interrupted);
    folder.resume = true;
  }
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  TrainingObserver observer;
  EXPECT_EQ(train(model, parameters, kData, options, folder, observer), TrainingOutcome::finished);
  return parameter_digest(parameters);
}

TEST_F(TrainingRun, OfImagesGivesTheSameBitsWithAnyThreadsStoppedOrNot) {
  for (const char* pooling : {"first", "mean"}) {
    const ModelConfig config = vision_of_corners(pooling);
    const std::string whole = digest_after(config, small_run(1), folder(std::string("whole_") + pooling));
    EXPECT_EQ(digest_after(config, small_run(3), folder(std::string("threads_") + pooling)), whole);
    EXPECT_EQ(digest_after(config, small_run(2), folder(std::string("stopped_") + pooling), {7, 23}), whole);
  }
}

// What plain loops find, of examples one at a time; and a state says what reading the image says.
TEST_F(TrainingRun, OfImagesIsJudgedAndAskedRightly) {
  for (const char* pooling : {"first", "mean"}) {
    ModelConfig config = vision_of_corners(pooling);
    config.dropout = 0;
    const Model model(config);
    ParameterStore<double> parameters(model.layout());
    parameters.initialise(7);
    TrainerOptions options = small_run(2);
    options.steps = 150;
    options.validate_every = 0;
    options.step.schedule = {.learning_rate = 0.004};
    TrainingObserver observer;
    train(model, parameters, kData, options, {.path = folder(pooling)}, observer);

    Tape<double> tape(parameters);
    double loss = 0;
    std::int64_t right = 0;
    std::vector<SequencePair> examples;
    Texts expected;
    for (std::int64_t i = 0; i < kData.size(Split::test); ++i) {
      const SequencePair& example = examples.emplace_back(kData.example(Split::test, i));
      const NoGrad<double> no_grad(tape);
      Batch batch(BatchLayout::language);
      batch.reserve(1, kData.shape());
      batch.append(example.view());
      const Var<double> logits = model.logits(tape, batch.view(), Pass{});
      ASSERT_EQ(logits.shape(), (Shape{10, 1, 1}));
      double sum = 0;
      std::int32_t likeliest = 0;
      for (std::int32_t v = 0; v < 10; ++v) {
        sum += std::exp(logits.data()[v]);
        if (v != kPadding && v != kStart && logits.data()[v] > logits.data()[likeliest]) likeliest = v;
      }
      loss += std::log(sum) - logits.data()[example.target[0]];
      right += likeliest == example.target[0];
      expected.push_back({likeliest});
    }
    WorkerPool workers(2);
    const Evaluation found = evaluate(model, parameters, kData, Split::test, workers, {.outputs = true, .budget = 2e4});
    EXPECT_NEAR(found.value("loss"), loss / 60, 1e-12);
    EXPECT_DOUBLE_EQ(found.value("exact_match"), static_cast<double>(right) / 60);
    EXPECT_DOUBLE_EQ(found.value("token_accuracy"), static_cast<double>(right) / 60);
    EXPECT_EQ(found.count("tokens"), 60) << "no end is said";
    EXPECT_GT(right, 20) << pooling << ": it learns, or this says little";
    EXPECT_LT(right, 60) << "and is not always right";
    // Each wrong class is one token to change.
    EXPECT_DOUBLE_EQ(found.value("edit_distance"), static_cast<double>(60 - right) / 60);
    const Questions questions(examples, BrightCorners::kPixels);
    EXPECT_EQ(decode_in_batches<double>(model, parameters, questions.sources(), {.max_length = 1}), expected);
  }
}

TEST(VisionState, SaysOneTokenOfItsOwnImageWhateverTheOrder) {
  const Model model(vision_of_corners());
  ParameterStore<double> parameters(model.layout());
  fill(parameters, drawn_parameters(model.layout(), 5));
  Tape<double> tape(parameters);
  std::vector<SequencePair> examples;
  for (std::int64_t i = 0; i < 4; ++i) examples.push_back(kData.example(Split::test, i));
  const Questions questions(examples, BrightCorners::kPixels);
  const auto alone = [&](std::size_t i) {
    const std::span<const SequencePair> example(&examples[i], 1);
    const Questions one(example, BrightCorners::kPixels);
    const auto state = model.begin(tape, one.sources());
    return std::vector<double>(state->logits(), state->logits() + 10);
  };
  const auto state = model.begin(tape, questions.sources());
  ASSERT_EQ(state->columns(), 4);
  const std::int32_t order[] = {2, 0, 3, 3, 1};
  state->reorder(order);
  ASSERT_EQ(state->columns(), 5);
  for (std::int64_t b = 0; b < 5; ++b) {
    EXPECT_EQ(state->room(b), 1);
    const std::vector<double> expected = alone(static_cast<std::size_t>(order[b]));
    for (std::size_t v = 0; v < 10; ++v) {
      EXPECT_NEAR(state->logits()[v + 10 * static_cast<std::size_t>(b)], expected[v], 1e-13);
    }
  }
  state->step(std::vector<std::int32_t>{4, kPadding, 5, 6, 7});
  EXPECT_EQ(state->room(0), 0);
  EXPECT_EQ(state->room(1), 1);
  // Some of the questions are those of their own images.
  const auto part = model.begin(tape, questions.sources().part(1, 2));
  ASSERT_EQ(part->columns(), 2);
  for (std::size_t v = 0; v < 10; ++v) EXPECT_NEAR(part->logits()[v + 10], alone(2)[v], 1e-13);

  EXPECT_THAT([&] { model.begin(tape, std::vector<std::vector<std::int32_t>>{{4}}); },
              ThrowsMessage<ConfigError>("model vision reads features, and it is given tokens"));
}

TEST(Vision, OtherFamiliesRefuseImagesByNameAndItRefusesOtherData) {
  ModelConfig decoder{.model = "decoder", .target_vocabulary = 10};
  EXPECT_THAT(
      [&] { batch_layout(Model(decoder), kData); },
      ThrowsMessage<ConfigError>(HasSubstr(
          "model decoder does not read `features`, and nothing else in bright corners says what the target is")));
  EXPECT_THAT([&] { batch_layout(Model({.source_vocabulary = 10, .target_vocabulary = 10}), kData); },
              ThrowsMessage<ConfigError>(HasSubstr("model transformer reads `source`, and bright corners has none")));
  EXPECT_THAT([] { batch_layout(Model(vision_of_corners()), reversing()); },
              ThrowsMessage<ConfigError>(HasSubstr("model vision reads `features`, and task reverse has none")));

  ModelConfig config = vision_of_corners();
  config.features.columns = 2;
  config.max_positions = 5;
  const Model other(config);
  ParameterStore<double> parameters(other.layout());
  Tape<double> tape(parameters);
  Batch batch(BatchLayout::language);
  batch.reserve(2, kData.shape());
  kData.fill_training_batch(1, 1, 2, batch);
  EXPECT_THAT([&] { other.logits(tape, batch.view(), Pass{}); },
              ThrowsMessage<DataError>("model vision: an example has 6 positions of 4 numbers, and it reads 4 of 4"));

  const auto refused = [](const std::function<void(ModelConfig&)>& change, const std::string& message) {
    ModelConfig changed = vision_of_corners();
    change(changed);
    EXPECT_THAT([&] { Model{changed}; }, ThrowsMessage<ConfigError>(HasSubstr(message))) << message;
  };
  refused([](ModelConfig& c) { c.features = {}; }, "vision reads features of a grid, and the data have none");
  refused([](ModelConfig& c) { c.max_positions = 9; }, "max-positions: of images they are the patches and the class");
  refused([](ModelConfig& c) { c.position_range = 20; }, "position-range: images have all one size");
  refused([](ModelConfig& c) { c.d_model = 18, c.positions = "sinusoidal_2d"; },
          "positions: sinusoidal_2d needs a d-model that 4 divides, not 18");
  refused([](ModelConfig& c) { c.pooling = "last"; }, "pooling: \"last\" is none of first, mean");
  EXPECT_THAT(
      [] { Model({.model = "decoder", .positions = "sinusoidal_2d", .target_vocabulary = 9}); },
      ThrowsMessage<ConfigError>(HasSubstr("sinusoidal_2d is for models that read a grid, and decoder reads none")));
}

// The estimate against what a pass takes, as of every family.
TEST(Vision, TapesAreAboutAsLargeAsEstimated) {
  const std::int64_t rows = 12, columns = 16;
  const std::vector<float> numbers(static_cast<std::size_t>(16 * rows * columns), 0.5F);
  const std::int32_t length = rows * columns;
  const FeatureView features{numbers.data(), &length, 16, length, length, 1};
  for (const char* pooling : {"first", "mean"}) {
    for (const char* positions : {"learned", "sinusoidal_2d", "none"}) {
      ModelConfig config = vision_of_corners(pooling);
      config.layers = 4;
      config.heads = 4;
      config.d_model = 32;
      config.d_ff = 64;
      config.positions = positions;
      config.features = {16, rows, columns};
      config.max_positions = positions_of_features(config);
      for (const ModelSpec::Case& each : block_cases(config)) {
        const Model model(each.config);
        ParameterStore<double> parameters(model.layout());
        parameters.initialise(1);
        Tape<double> tape(parameters);
        const BatchView view({.features = features}, {Column::features}, "a test", 1, 1);
        model.features(tape, view, {.training = true, .every_layer = true});
        const double own = static_cast<double>(tape.memory()) / (8 * pass_values(model, {0, 1}).of(1));
        EXPECT_GT(own, 0.9) << pooling << " " << positions << " " << each.label;
        EXPECT_LT(own, 2.5) << pooling << " " << positions << " " << each.label;
      }
    }
  }
  ModelConfig grid = vision_of_corners();
  grid.positions = "sinusoidal_2d";
  EXPECT_EQ(estimate_memory(Model(grid), {.batch = 8, .shards = 4}, {0, 1}, 1, 4).tables, 8 * 16 * 7);
}

}  // namespace
}  // namespace tapehead
