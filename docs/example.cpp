#include <cstdio>

#include "datasets/made.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/step.hpp"

int main() {
  using namespace tapehead;
  const MadeDataset data({.task = "reverse", .symbols = 8, .min_length = 3, .max_length = 6, .test = 200});
  const Model model({.layers = 1,
                     .heads = 2,
                     .d_model = 32,
                     .d_ff = 64,
                     .max_positions = 7,
                     .source_vocabulary = data.source_vocabulary().size(),
                     .target_vocabulary = data.target_vocabulary().size()});
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(/*seed=*/1);
  WorkerPool workers(2);
  TrainingStep<float> step(model, parameters, data, workers, {.batch = 64, .schedule = {.learning_rate = 3e-3}});
  for (int i = 1; i <= 800; ++i) {
    const StepReport report = step.run(i);
    if (i % 100 == 0) std::printf("step %3d  loss %.4f\n", i, report.loss);
  }
  const Evaluation result = evaluate(model, parameters, data, Split::test, workers);
  std::printf("exact match on %d held-out sequences: %.3f\n", int(result.count("sequences")),
              result.value("exact_match"));
}
