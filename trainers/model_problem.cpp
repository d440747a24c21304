#include "trainers/model_problem.hpp"

#include "autograd/base/random.hpp"
#include "datasets/made.hpp"
#include "layers/models/spec.hpp"
#include "layers/pass.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kExamples = 3;

const MadeDataset& sample_data() {
  static const MadeDataset data(
      {.task = "reverse", .symbols = 6, .min_length = 2, .max_length = 4, .validation = 5, .test = 5});
  return data;
}

// For a family that reads features: a grid of 2 × 3 positions, and a class of an example.
ModelSample sample_with_features(ModelConfig config, std::uint64_t seed) {
  constexpr std::int64_t kClasses = 5;
  const ExampleShape shape{.data = "sample features",
                           .has_source = false,
                           .ends = false,
                           .target = 1,
                           .channels = 4,
                           .features = 6,
                           .grid_rows = 2};
  config.features = {shape.channels, shape.grid_rows, shape.features / shape.grid_rows};
  config.max_positions = positions_of_features(config);
  config.target_vocabulary = kFirstFreeId + kClasses;
  const auto batch = std::make_shared<Batch>(BatchLayout::language);
  batch->reserve(kExamples, shape);
  const RandomStream random(seed, Purpose::training_data);
  for (std::uint32_t b = 0; b < kExamples; ++b) {
    ExampleWriter& out = batch->writer();
    out.clear();
    std::uint32_t draws = 0;
    for (float& number : out.features(shape.features)) number = static_cast<float>(random.normal(b, draws++));
    out.target(1)[0] = kFirstFreeId + static_cast<std::int32_t>(random.below(kClasses, b, draws));
    batch->append(out.view());
  }
  return {std::make_shared<const Model>(config), batch};
}

}  // namespace

ModelSample model_sample(ModelConfig config, std::uint64_t seed) {
  if (reads_features(config)) return sample_with_features(std::move(config), seed);
  const MadeDataset& data = sample_data();
  config.source_vocabulary = data.source_vocabulary().size();
  config.target_vocabulary = data.target_vocabulary().size();
  const BatchLayout layout = batch_layout(data, model_spec(config.model).reads_source());
  config.max_positions = positions_needed(layout, data.shape());
  const auto batch = std::make_shared<Batch>(layout);
  batch->reserve(kExamples, data.shape());
  data.fill_training_batch(seed, 1, kExamples, *batch);
  return {std::make_shared<const Model>(config), batch};
}

Problem model_problem(std::shared_ptr<const Model> model, std::shared_ptr<const Batch> batch,
                      const ModelProblemOptions& options) {
  const std::shared_ptr<const ParameterLayout> layout(model, &model->layout());
  const auto loss = [model, batch, options](auto& tape, auto) {
    const Pass pass{.training = options.training, .seed = options.seed, .step = options.step};
    return model->loss(tape, batch->view(), pass, options.label_smoothing);
  };
  Problem problem(loss, {}, layout, options.seed);
  problem.composite = true;
  return problem;
}

std::vector<ProblemCase> model_problems() {
  std::vector<ProblemCase> problems;
  for (const ModelSpec& spec : model_specs()) {
    for (const auto& [label, config] : spec.cases) {
      problems.push_back({"models/" + spec.name + "/" + label, [config = config](std::uint64_t seed) {
                            const ModelSample sample = model_sample(config, seed);
                            return model_problem(sample.model, sample.batch, {.seed = seed});
                          }});
    }
  }
  return problems;
}

}  // namespace tapehead
