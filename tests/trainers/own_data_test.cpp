// A task of numbers and labels, which no model of the library reads, trains by a loss of its own; and a model that
// misses its columns says so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops/affine.hpp"
#include "autograd/ops/log_softmax.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/scale.hpp"
#include "autograd/ops/sum.hpp"
#include "layers/scope.hpp"
#include "tests/support/larger_channel.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/learner.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

const MadeDataset& numbers() {
  static const MadeDataset data(larger_channel(), {.min_length = 2, .max_length = 9, .validation = 50, .test = 50});
  return data;
}

// Logistic regression on the sum of each channel.
struct Classifier {
  explicit Classifier(const Scope& scope)
      : weight(scope.declare({scope.weight("weight", 2, 2)})), bias(scope.declare({scope.vector("bias", 2, 0)})) {}

  template <Scalar T>
  Var<T> loss(Tape<T>& tape, const BatchView& batch) const {
    const FeatureView& features = batch.features();
    const std::int64_t examples = batch.examples();
    T* sums = tape.allocate(2 * examples);
    T* one_hot = tape.allocate(2 * examples);
    for (std::int64_t b = 0; b < examples; ++b) {
      for (std::int64_t c = 0; c < 2; ++c) {
        sums[c + 2 * b] = T(0);
        for (std::int64_t t = 0; t < features.lengths[b]; ++t) sums[c + 2 * b] += T(features(c, t, b));
        one_hot[c + 2 * b] = T(batch.labels()(b) == c ? 1 : 0);
      }
    }
    const Shape shape{2, 1, examples};
    const Var<T> scores = affine(tape.constant(shape, sums), tape.leaf(weight), tape.leaf(bias));
    return scale(sum(multiply(tape.constant(shape, one_hot), log_softmax(scores))),
                 -1.0 / static_cast<double>(batch.batch_examples()));
  }

  Parameter weight, bias;
};

double loss_after(std::int64_t steps, int threads, int shards) {
  ParameterLayout layout;
  std::uint32_t sites = 0;
  const Classifier classifier(Scope(layout, sites));
  layout.seal();
  ParameterStore<float> parameters(layout);
  std::fill_n(parameters.values().data(), layout.flat_size(), 0.0F);
  const Objective<float> objective{
      .loss = [&](auto& tape, auto& batch, auto&) { return classifier.loss(tape, batch); }};
  WorkerPool workers(threads);
  TrainingStep<float> step(objective, parameters, numbers(), workers,
                           {.batch = 32, .shards = shards, .schedule = {.learning_rate = 0.05}});
  for (std::int64_t s = 1; s <= steps; ++s) step.run(s);
  return learner_of(objective, numbers()).validate(parameters, workers, step.tapes(), {}).value("loss");
}

TEST(OwnData, OfNumbersAndLabelsTrainByALossOfTheirOwn) {
  EXPECT_NEAR(loss_after(0, 1, 4), std::log(2), 1e-6) << "two classes, and nothing learnt";
  const double after = loss_after(100, 1, 4);
  EXPECT_LT(after, 0.2) << "the two are told apart by a line";
  EXPECT_EQ(loss_after(100, 2, 4), after) << "whatever the number of threads";
  EXPECT_NEAR(loss_after(100, 1, 1), after, 1e-3) << "shards change rounding alone";
}

TEST(OwnData, AModelThatMissesItsColumnsSaysWhich) {
  ModelConfig config{.layers = 1, .heads = 2, .d_model = 8, .d_ff = 8, .max_positions = 12};
  config.source_vocabulary = config.target_vocabulary = 6;
  for (const auto& [kind, column] : {std::pair{"transformer", "source"}, std::pair{"decoder", "input"}}) {
    config.model = kind;
    const Model model(config);
    EXPECT_THAT(
        [&] { objective_of<float>(model, numbers(), 0); },
        testing::ThrowsMessage<ConfigError>("model " + std::string(kind) + " reads `" + column +
                                            "`, and task larger-channel has none; it has `features`, `labels`"));
  }
}

}  // namespace
}  // namespace tapehead
