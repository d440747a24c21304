// What validations on the way bring about: the best parameters, plateaus, early stops; and what a run tells of itself.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "autograd/base/errors.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> row;
  std::istringstream cells(line);
  for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
  return row;
}

// A column of the validations in metrics.csv, by step; empty where there is no such column.
std::map<std::int64_t, double> validation_results(const std::string& folder, const std::string& name) {
  std::map<std::int64_t, double> results;
  std::ifstream in(folder + "/metrics.csv");
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> titles = cells_of(line);
  const auto at = static_cast<std::size_t>(std::ranges::find(titles, "valid_" + name) - titles.begin());
  while (std::getline(in, line)) {
    const std::vector<std::string> row = cells_of(line);
    if (row.size() > at && !row[at].empty()) results[std::stoll(row[0])] = std::stod(row[at]);
  }
  return results;
}

std::map<std::int64_t, double> validation_losses(const std::string& folder) {
  return validation_results(folder, "loss");
}

// Learns too fast to go on well: the validation loss rises again.
TrainerOptions restless_run() {
  TrainerOptions options = small_run(2);
  options.step.schedule = {.learning_rate = 0.05};
  options.step.clip = 0;
  options.validate_every = 4;
  options.validation_limit = 0;
  return options;
}

TEST_F(TrainingRun, TheBestParametersAreKept) {
  TrainerOptions options = restless_run();
  options.steps = 120;
  digest_of_run("decoder", options, folder("run"));
  const auto losses = validation_losses(folder("run"));
  ASSERT_EQ(losses.size(), 30U);
  const auto best = std::ranges::min_element(losses, {}, [](const auto& entry) { return entry.second; });
  ASSERT_LT(best->first, 120) << "else best.h5 could be the last";

  const CheckpointReader reader(folder("run") + "/best.h5");
  EXPECT_EQ(reader.meta().step, static_cast<std::uint64_t>(best->first));
  EXPECT_EQ(reader.meta().numbers.at("best_value"), best->second);
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  reader.load(parameters);
  WorkerPool workers(1);
  const EvaluationOptions like = evaluation_like(options.step, model, reversing());
  EXPECT_EQ(evaluate(model, parameters, reversing(), Split::validation, workers, like).value("loss"), best->second);
}

// The weights that are kept, and a stop, follow from whichever result is asked for, whether sequences are decoded for
// it or not; nothing else changes.
TEST_F(TrainingRun, TheBestIsByTheMetricThatIsAskedFor) {
  TrainerOptions options = restless_run();
  options.steps = 120;
  const std::string by_loss = digest_of_run("decoder", options, folder("loss"));
  EXPECT_TRUE(validation_results(folder("loss"), "edit_distance").empty()) << "nothing was decoded";
  std::set<std::int64_t> kept;
  for (const char* metric : {"token_accuracy", "perplexity", "edit_distance"}) {
    options.best_metric = metric;
    EXPECT_EQ(digest_of_run("decoder", options, folder(metric)), by_loss) << metric;
    auto results = validation_results(folder(metric), metric);
    ASSERT_EQ(results.size(), 30U) << metric;
    const bool higher = options.best_metric == "token_accuracy";
    for (auto& [step, result] : results) result *= higher ? -1 : 1;
    const auto best = std::ranges::min_element(results, {}, [](const auto& entry) { return entry.second; });
    const CheckpointReader reader(folder(metric) + "/best.h5");
    EXPECT_EQ(reader.meta().step, static_cast<std::uint64_t>(best->first)) << metric;
    EXPECT_EQ(reader.meta().numbers.at("best_value"), higher ? -best->second : best->second) << metric;
    EXPECT_EQ(reader.meta().texts.at("best_metric"), metric);
    kept.insert(best->first);

    // Stopped three times, once in the middle between validations, it is the same run.
    EXPECT_EQ(digest_of_run("decoder", options, folder(std::string(metric) + "_parts"), {3, 40, 77}), by_loss);
    EXPECT_EQ(metrics_of(folder(std::string(metric) + "_parts")), metrics_of(folder(metric)));
    EXPECT_EQ(CheckpointReader(folder(std::string(metric) + "_parts") + "/best.h5").meta().step, reader.meta().step);
  }
  EXPECT_GT(kept.size(), 1U) << "else it could be one metric";
}

TEST_F(TrainingRun, AnEarlyStopGoesByTheMetricThatIsAskedFor) {
  TrainerOptions options = restless_run();
  options.steps = 120;
  options.best_metric = "token_accuracy";
  digest_of_run("decoder", options, folder("whole"));
  double best = -1;
  std::int64_t waited = 0, stop = 0;
  for (const auto& [step, accuracy] : validation_results(folder("whole"), "token_accuracy")) {
    waited = accuracy > best ? 0 : waited + 1;
    best = std::max(best, accuracy);
    if (waited == 3 && stop == 0) stop = step;
  }
  ASSERT_GT(stop, 5);
  ASSERT_LT(stop, 120);
  options.early_stop = 3;
  digest_of_run("decoder", options, folder("early"), {5}, TrainingOutcome::stopped_early);
  EXPECT_EQ(CheckpointReader(folder("early") + "/checkpoint.h5").meta().step, static_cast<std::uint64_t>(stop));
}

TEST_F(TrainingRun, AnotherBestMetricIsRefusedOnResuming) {
  TrainerOptions options = small_run(1);
  options.validate_every = 20;
  digest_of_run("decoder", options, folder("run"));
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  TrainingObserver observer;
  const auto resume = [&] { train(model, parameters, reversing(), options, {folder("run"), {}, true}, observer); };
  options.best_metric = "exact_match";
  EXPECT_THAT(resume, ThrowsMessage<CheckpointError>(HasSubstr("best weights by loss")));
  options.best_metric = "sequences";
  EXPECT_THAT(resume, ThrowsMessage<ConfigError>(HasSubstr("best-metric: \"sequences\" is none of loss, ")));
}

TEST_F(TrainingRun, AGoalOfOutputsIsReached) {
  TrainerOptions options = restless_run();
  options.stop_when = "edit_distance=1";
  digest_of_run("decoder", options, folder("run"), {}, TrainingOutcome::stopped_early);
  EXPECT_EQ(CheckpointReader(folder("run") + "/checkpoint.h5").meta().step, 4U);
  EXPECT_EQ(CheckpointReader(folder("run") + "/checkpoint.h5").meta().texts.at("best_metric"), "loss");
}

TEST_F(TrainingRun, WithoutValidationsOnTheWayThereIsNoBest) {
  TrainerOptions options = small_run(1);
  options.validate_every = 0;
  digest_of_run("decoder", options, folder("run"));
  EXPECT_FALSE(std::filesystem::exists(folder("run") + "/best.h5"));
}

// Validated on the same sequences as those on the way, the end may be what was best.
TEST_F(TrainingRun, AnEndThatIsBetterThanAllOnTheWayIsTheBest) {
  TrainerOptions options = small_run(1);
  options.validate_every = 24;
  options.validation_limit = 0;
  digest_of_run("decoder", options, folder("run"));
  const auto losses = validation_losses(folder("run"));
  ASSERT_LT(losses.at(40), losses.at(24));
  EXPECT_EQ(CheckpointReader(folder("run") + "/best.h5").meta().step, 40U);
  EXPECT_EQ(CheckpointReader(folder("run") + "/checkpoint.h5").meta().numbers.at("best_step"), 24);

  options.validation_limit = 8;  // other sequences: nothing can be said
  digest_of_run("decoder", options, folder("limited"));
  EXPECT_EQ(CheckpointReader(folder("limited") + "/best.h5").meta().step, 24U);
}

// Steps of the validations that somebody is told of.
struct Validations : TrainingObserver {
  void on_validation(const Progress& progress) override {
    steps.push_back(progress.step);
    sequences.push_back(progress.validation->count("sequences"));
  }
  std::vector<std::int64_t> steps, sequences;
};

TEST_F(TrainingRun, TheLastStepTellsOfOneValidation) {
  TrainerOptions options = small_run(1);
  options.validate_every = 20;
  options.validation_limit = 8;
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  Validations observer;
  train(model, parameters, reversing(), options, {.path = folder("run")}, observer);
  EXPECT_THAT(observer.steps, testing::ElementsAre(20, 40));
  EXPECT_THAT(observer.sequences, testing::ElementsAre(8, reversing().size(Split::validation)));
}

// Takes its time in one step.
struct Slow : StopAfter {
  using StopAfter::StopAfter;
  void on_start(const Progress& progress) override { started = progress; }
  void on_step(const Progress& progress) override {
    if (progress.step == 2) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    StopAfter::on_step(progress);
    last = progress;
  }
  Progress started, last;
};

TEST_F(TrainingRun, SecondsAddUpOverTheParts) {
  const TrainerOptions options = small_run(1);
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  Slow first(5), second(0);
  ASSERT_EQ(train(model, parameters, reversing(), options, {.path = folder("run")}, first, &first.stop),
            TrainingOutcome::interrupted);
  ASSERT_EQ(train(model, parameters, reversing(), options, {.path = folder("run"), .resume = true}, second),
            TrainingOutcome::finished);
  EXPECT_GE(second.started.seconds, 0.05);
  EXPECT_GE(second.started.seconds, first.last.seconds);
  EXPECT_EQ(second.started.seconds_before, second.started.seconds);
  EXPECT_GT(second.last.seconds, second.started.seconds);

  std::ifstream in(folder("run") + "/metrics.csv");
  std::string line;
  std::getline(in, line);
  double before = 0;
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::string cell;
    for (int i = 0; i < 5; ++i) std::getline(cells, cell, ',');
    EXPECT_GE(std::stod(cell), before) << line;
    before = std::stod(cell);
  }
  EXPECT_GE(before, 0.05);
}

TEST_F(TrainingRun, StopsEarlyAndStaysStopped) {
  TrainerOptions options = restless_run();
  options.steps = 400;
  options.early_stop = 3;
  const std::string whole = digest_of_run("decoder", options, folder("whole"), {}, TrainingOutcome::stopped_early);
  const CheckpointReader last(folder("whole") + "/checkpoint.h5");
  const CheckpointReader best(folder("whole") + "/best.h5");
  EXPECT_EQ(last.meta().step, best.meta().step + 12);
  EXPECT_LT(last.meta().step, 400U);
  const auto losses = validation_losses(folder("whole"));
  EXPECT_EQ(losses.rbegin()->first, static_cast<std::int64_t>(last.meta().step));

  EXPECT_EQ(digest_of_run("decoder", options, folder("parts"), {3, 8, 9}, TrainingOutcome::stopped_early), whole);
  EXPECT_EQ(metrics_of(folder("parts")), metrics_of(folder("whole")));

  // Resumed, it is over at once; with more patience it goes on.
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  const RunFolder place{.path = folder("whole"), .resume = true};
  TrainingObserver observer;
  EXPECT_EQ(train(model, parameters, reversing(), options, place, observer), TrainingOutcome::stopped_early);
  EXPECT_EQ(parameter_digest(parameters), whole);
  options.early_stop = 0;
  options.steps = static_cast<std::int64_t>(last.meta().step) + 2;
  EXPECT_EQ(train(model, parameters, reversing(), options, place, observer), TrainingOutcome::finished);
  EXPECT_NE(parameter_digest(parameters), whole);
}

// The first validation whose loss is below the bound ends the run, and nothing else of it changes.
TEST_F(TrainingRun, StopsWhereItsGoalIsReached) {
  TrainerOptions options = small_run(2, 3);
  options.validate_every = 4;
  digest_of_run("decoder", options, folder("whole"));
  const std::map<std::int64_t, double> losses = validation_losses(folder("whole"));
  const double bound = losses.at(24);
  const auto first = std::ranges::find_if(losses, [&](const auto& at) { return at.second <= bound; });
  ASSERT_LT(first->first, 40);

  options.stop_when = fmt::format("loss={}", bound);
  const std::string early = digest_of_run("decoder", options, folder("early"), {}, TrainingOutcome::stopped_early);
  EXPECT_EQ(CheckpointReader(folder("early") + "/checkpoint.h5").meta().step, static_cast<std::uint64_t>(first->first));
  EXPECT_EQ(digest_of_run("decoder", options, folder("parts"), {3, 8, 9}, TrainingOutcome::stopped_early), early);

  // Resumed, it is over at once; without the goal it is the run that never had one.
  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  const RunFolder place{.path = folder("early"), .resume = true};
  TrainingObserver observer;
  EXPECT_EQ(train(model, parameters, reversing(), options, place, observer), TrainingOutcome::stopped_early);
  EXPECT_EQ(parameter_digest(parameters), early);
  options.stop_when.clear();
  EXPECT_EQ(train(model, parameters, reversing(), options, place, observer), TrainingOutcome::finished);
  EXPECT_EQ(parameter_digest(parameters), digest_of_run("decoder", options, folder("again")));
}

// Says stop when it is asked for the so-manieth held-out sequence, as somebody would in the middle of a validation.
class StopsWhenAsked : public Dataset {
 public:
  explicit StopsWhenAsked(std::int64_t asked) : left_(asked) {}
  const Vocabulary& source_vocabulary() const override { return data_.source_vocabulary(); }
  const Vocabulary& target_vocabulary() const override { return data_.target_vocabulary(); }
  const ExampleShape& shape() const override { return data_.shape(); }
  void fill_training_batch(std::uint64_t seed, std::uint64_t step, std::int64_t examples, Batch& batch) const override {
    data_.fill_training_batch(seed, step, examples, batch);
  }
  std::int64_t size(Split split) const override { return data_.size(split); }
  SequencePair example(Split split, std::int64_t index) const override {
    if (--left_ == 0) stop = true;
    return data_.example(split, index);
  }
  std::uint64_t digest() const override { return data_.digest(); }

  mutable std::atomic<bool> stop = false;

 private:
  const Dataset& data_ = reversing();
  mutable std::atomic<std::int64_t> left_;
};

TEST_F(TrainingRun, AValidationThatIsStoppedIsDoneAgainAndTheRunIsTheSame) {
  TrainerOptions options = small_run(2);  // validations of 40 sequences; at the end, of all 60
  options.validate_every = 10;
  options.step.schedule = {.kind = "plateau", .learning_rate = 0.01, .plateau_factor = 0.5, .plateau_patience = 1};
  options.min_improvement = 10;  // after the first nothing is better: one that counted twice would lower the rate twice
  const std::string whole = digest_of_run("decoder", options, folder("whole"));

  const Model model(small_model(reversing(), "decoder"));
  RunFolder place{.path = folder("parts"), .config = "kind = decoder"};
  std::int64_t stops = 0;
  for (std::int64_t asked = 61;; asked += 37, ++stops) {
    ParameterStore<float> parameters(model.layout());
    parameters.initialise(7);
    const StopsWhenAsked data(asked);
    TrainingObserver observer;
    const TrainingOutcome end = train(model, parameters, data, options, place, observer, &data.stop);
    place.resume = true;
    if (end == TrainingOutcome::interrupted) continue;
    EXPECT_EQ(parameter_digest(parameters), whole);
    break;
  }
  EXPECT_GE(stops, 4);
  EXPECT_EQ(metrics_of(folder("parts")), metrics_of(folder("whole")));
  for (const char* file : {"/best.h5", "/checkpoint.h5"}) {
    const CheckpointReader ours(folder("parts") + file);
    const CheckpointReader wanted(folder("whole") + file);
    EXPECT_EQ(ours.meta().step, wanted.meta().step);
    for (const char* name : {"best_step", "best_value", "validations_waited", "plateau_waited", "plateau_drops"}) {
      EXPECT_EQ(ours.meta().numbers.at(name), wanted.meta().numbers.at(name)) << file << " " << name;
    }
    EXPECT_FALSE(ours.meta().numbers.contains("validation_owed"));
  }
}

// Notes the learning rate of every step.
struct Rates : TrainingObserver {
  void on_step(const Progress& progress) override { rates.push_back(progress.learning_rate); }
  std::vector<double> rates;
};

TEST_F(TrainingRun, APlateauLowersTheRateAndResumesWithTheSameBits) {
  TrainerOptions options = restless_run();
  options.step.schedule.kind = "plateau";
  options.step.schedule.plateau_patience = 2;
  options.step.schedule.plateau_factor = 0.1;
  const std::string whole = digest_of_run("decoder", options, folder("whole"));
  EXPECT_EQ(digest_of_run("decoder", options, folder("parts"), {1, 13, 14, 29, 38}), whole);
  EXPECT_EQ(metrics_of(folder("parts")), metrics_of(folder("whole")));

  const Model model(small_model(reversing(), "decoder"));
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  Rates observer;
  train(model, parameters, reversing(), options, {.path = folder("again")}, observer);
  EXPECT_EQ(observer.rates.front(), 0.05);
  EXPECT_LT(observer.rates.back(), 0.006);
  EXPECT_TRUE(std::ranges::is_sorted(observer.rates, std::greater<>()));
}

}  // namespace
}  // namespace tapehead
