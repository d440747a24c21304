#include "tests/trainers/training_support.hpp"

#include <fstream>
#include <sstream>

#include "tests/support/metrics_text.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {

ModelConfig small_model(const Dataset& data, const std::string& kind) {
  return {.model = kind,
          .layers = 1,
          .heads = 2,
          .d_model = 16,
          .d_ff = 32,
          .dropout = 0.1,
          .max_positions = 32,
          .source_vocabulary = data.source_vocabulary().size(),
          .target_vocabulary = data.target_vocabulary().size()};
}

TrainerOptions small_run(int threads, int shards) {
  return {.steps = 40,
          .step = {.seed = 7,
                   .batch = 10,
                   .shards = shards,
                   .schedule = {.kind = "noam", .learning_rate = 1, .warmup = 20, .d_model = 16},
                   .clip = 1,
                   .label_smoothing = 0.1},
          .validate_every = 20,
          .validation_limit = 40,
          .log_every = 10,
          .threads = threads};
}

const MadeDataset& reversing() {
  static const MadeDataset data(
      {.task = "reverse", .symbols = 8, .min_length = 3, .max_length = 9, .validation = 60, .test = 60});
  return data;
}

std::string digest_of_run(const std::string& kind, const TrainerOptions& options, const std::string& path,
                          std::initializer_list<std::int64_t> stops, TrainingOutcome end) {
  const Model model(small_model(reversing(), kind));
  RunFolder folder{.path = path, .config = "kind = " + kind};
  for (const std::int64_t at : stops) {
    ParameterStore<float> parameters(model.layout());
    parameters.initialise(7);
    StopAfter observer(at);
    EXPECT_EQ(train(model, parameters, reversing(), options, folder, observer, &observer.stop),
              TrainingOutcome::interrupted);
    folder.resume = true;
  }
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  TrainingObserver observer;
  EXPECT_EQ(train(model, parameters, reversing(), options, folder, observer), end);
  return parameter_digest(parameters);
}

std::string metrics_of(const std::string& folder) {
  std::ifstream in(folder + "/metrics.csv");
  std::ostringstream text;
  text << in.rdbuf();
  return metrics_without_times(text.str());
}

}  // namespace tapehead
