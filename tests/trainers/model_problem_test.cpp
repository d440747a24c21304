// The gradient of every model through its own loss, on batches of a made task, with dropout.
#include "trainers/model_problem.hpp"

#include <gtest/gtest.h>

#include "autograd/check/evaluator.hpp"
#include "datasets/made.hpp"
#include "tests/support/problem_check.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

using testing_support::ProblemCheck;

class ModelGradients : public ProblemCheck {};
TEST_P(ModelGradients, AgreeWithTheirOracles) { expect_right_gradients(); }
TEST_P(ModelGradients, InFloatAreWhatConditioningAllows) { expect_right_floats(); }
INSTANTIATE_TEST_SUITE_P(, ModelGradients, testing::ValuesIn(model_problems()), testing_support::name_of_case);

// What is checked is what trains: the gradient of a training step of one shard, to the bit.
TEST(ModelProblem, IsTheLossThatTrains) {
  const MadeDataset data({.task = "copy", .symbols = 6, .min_length = 2, .max_length = 5, .validation = 5, .test = 5});
  const auto model = std::make_shared<Model>(ModelConfig{.layers = 1,
                                                         .heads = 2,
                                                         .d_model = 8,
                                                         .d_ff = 12,
                                                         .dropout = 0.3,
                                                         .max_positions = 6,
                                                         .source_vocabulary = data.source_vocabulary().size(),
                                                         .target_vocabulary = data.target_vocabulary().size()});
  ParameterStore<double> parameters(model->layout());
  parameters.initialise(3);
  WorkerPool workers(1);
  TrainingStep<double> step(*model, parameters, data, workers,
                            {.seed = 7, .batch = 5, .shards = 1, .label_smoothing = 0.1});
  const StepReport report = step.differentiate(11);

  const auto batch = std::make_shared<Batch>(BatchLayout::encoder_decoder);
  batch->reserve(5, 5, 5);
  data.fill_training_batch(7, 11, 5, *batch);
  Problem problem = model_problem(model, batch, {.label_smoothing = 0.1, .seed = 7, .step = 11});
  set_point(problem, parameters);
  Evaluator<double> evaluator(problem);
  const std::vector<double> gradient = evaluator.gradient(std::vector<double>{1});
  EXPECT_EQ(evaluator.output()[0], report.loss);
  for (const Variable& variable : problem.variables()) {
    for (std::int64_t i = 0; i < variable.shape.size(); ++i) {
      ASSERT_EQ(gradient[static_cast<std::size_t>(variable.offset + i)], step.gradient()[variable.flat_offset + i])
          << variable.name;
    }
  }
}

TEST(ModelProblem, RefusesTheParametersOfAnotherModel) {
  Problem problem = model_problems().front().draw(1);
  const Model other({.layers = 1, .heads = 1, .d_model = 4, .d_ff = 4, .source_vocabulary = 9, .target_vocabulary = 9});
  EXPECT_THROW(set_point(problem, ParameterStore<float>(other.layout())), ShapeError);
}

}  // namespace
}  // namespace tapehead
