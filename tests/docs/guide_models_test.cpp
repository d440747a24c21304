// CONTRIBUTING.md, followed to the letter: its family, its own model and its metric are compiled and do what it says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "autograd/check/check.hpp"
#include "datasets/made.hpp"
#include "docs/new_model/tagger.hpp"
#include "layers/models/model.hpp"
#include "trainers/decoding/decoding.hpp"
#include "trainers/metrics/evaluation.hpp"
#include "trainers/metrics/output_metric.hpp"
#include "trainers/metrics/token_counts.hpp"
#include "trainers/model_problem.hpp"
#include "trainers/trainer.hpp"

namespace tapehead {

ModelSpec model_spec_bigram();
SearchSpec search_no_repeat();
OutputMetric metric_first_token();

namespace {

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(PROJECT_FOLDER) + "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(GuideToModels, ShowsWhatIsCompiled) {
  const std::string guide = read_file("CONTRIBUTING.md");
  for (const char* name :
       {"docs/new_family/bigram.cpp", "docs/new_model/tagger.hpp", "docs/new_model/train.inc",
        "docs/new_metric/end_accuracy.inc", "docs/new_metric/first_token.cpp", "docs/new_search/no_repeat.cpp"}) {
    ASSERT_FALSE(read_file(name).empty()) << name;
    EXPECT_NE(guide.find("```cpp\n" + read_file(name) + "```"), std::string::npos) << name << " and the guide differ";
  }
  EXPECT_NE(read_file("layers/CMakeLists.txt").find("set(models\n"), std::string::npos);
}

const MadeDataset& copying() {
  static const MadeDataset data(
      {.task = "copy", .symbols = 6, .min_length = 2, .max_length = 5, .validation = 20, .test = 20});
  return data;
}

TEST(GuideToModels, ItsFamilyIsCheckedTrainedJudgedAndWrites) {
  const ModelSpec spec = model_spec_bigram();
  ModelConfig config = spec.cases.at(0).config;
  config.target_vocabulary = copying().target_vocabulary().size();
  config.max_positions = 12;
  const auto model = std::make_shared<const Model>(config, spec);
  const auto batch = std::make_shared<Batch>(batch_layout(*model, copying()));
  batch->reserve(3, copying().shape());
  copying().fill_training_batch(1, 1, 3, *batch);
  const CheckReport report = check_problem(
      {"models/bigram/small", [&](std::uint64_t seed) { return model_problem(model, batch, {.seed = seed}); }}, {});
  EXPECT_TRUE(report.passed()) << report.text();

  ParameterStore<float> parameters(model->layout());
  parameters.initialise(1);
  WorkerPool workers(2);
  const StepOptions options{.batch = 16, .schedule = {.learning_rate = 0.03}};
  TrainingStep<float> step(*model, parameters, copying(), workers, options);
  const double before = evaluate(*model, parameters, copying(), Split::test, workers).value("loss");
  for (int i = 1; i <= 200; ++i) step.run(i);
  EXPECT_LT(evaluate(*model, parameters, copying(), Split::test, workers).value("loss"), before - 0.2);

  Tape<float> tape(parameters);
  const std::vector<std::vector<std::int32_t>> sources{{4, 5}, {5, 6, 7}};
  const auto outputs = decode<float>(*model, tape, sources, {.max_length = 5});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_LE(outputs[0].size(), 5U);
}

TEST(GuideToModels, ItsSearchWritesNoTokenTwiceInARow) {
  const Model model({.layers = 1,
                     .heads = 1,
                     .d_model = 4,
                     .d_ff = 4,
                     .max_positions = 9,
                     .source_vocabulary = 10,
                     .target_vocabulary = 10});
  ParameterStore<float> parameters(model.layout());
  const auto bias = parameters.values(*model.layout().find("output.bias"));
  bias.begin()[7] = 2;
  bias.begin()[8] = 1;
  Tape<float> tape(parameters);
  const std::vector<std::vector<std::int32_t>> sources{{4, 5}};
  EXPECT_EQ(decode<float>(model, tape, sources, {.max_length = 3}), (Texts{{7, 7, 7}}));
  EXPECT_EQ(decode<float>(model, tape, sources, {.max_length = 3}, search_no_repeat()), (Texts{{7, 8, 7}}));
}

TEST(GuideToModels, AModelOfOnesOwnTrains) {
  const std::string folder = std::filesystem::temp_directory_path() / ("tapehead_guide_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const MadeDataset& data = copying();
  struct Last : TrainingObserver {
    void on_validation(const Progress& progress) override { loss = progress.validation->value("loss"); }
    double loss = 1e9;
  } observer;
#include "docs/new_model/train.inc"
  EXPECT_LT(observer.loss, 0.1);
  EXPECT_TRUE(std::filesystem::exists(folder + "/checkpoint.h5"));
  std::filesystem::remove_all(folder);
}

TEST(GuideToModels, ItsMetricFollowsFromTheSums) {
  const std::vector<TokenMetric> metrics{
#include "docs/new_metric/end_accuracy.inc"
  };
  TokenCounts counts;
  counts.sequences = 8;
  counts.right_ends = 6;
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_EQ(metrics[0].spec.name, "end_accuracy");
  EXPECT_EQ(metrics[0].of(counts), 0.75);
}

TEST(GuideToModels, ItsMetricOfOutputsCountsRightFirstTokens) {
  const std::vector<std::int32_t> none, right{4, 5}, wrong{5, 4};
  const std::vector<Output> outputs{{right, right}, {wrong, right}, {none, right}, {right, right}};
  EXPECT_EQ(metric_first_token().of(outputs), 0.5);
}

}  // namespace
}  // namespace tapehead
