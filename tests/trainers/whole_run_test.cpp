// train(), option by option, against the same plain re-computation of its steps: what it says of each, what it writes,
// and what it saves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "tests/support/comparison.hpp"
#include "tests/trainers/plain_training.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

// Notes what a run says of each step, and the losses of its validations.
struct Notes : TrainingObserver {
  void on_step(const Progress& progress) override { steps.push_back(progress); }
  void on_validation(const Progress& progress) override { losses.push_back(progress.validation->value("loss")); }
  std::vector<Progress> steps;
  std::vector<double> losses;
};

// train() against the same plain updates, with the gradient of each step taken at the plain parameters.
class WholeRun : public TrainingRun {
 protected:
  void compare(const std::string& kind, const TrainerOptions& options, const std::string& name) {
    SCOPED_TRACE(kind + " " + name);
    const Model model(tiny_model(kind));
    const ParameterLayout& layout = model.layout();
    ParameterStore<double> parameters(layout);
    parameters.initialise(3);
    ParameterStore<double> mirror(layout);
    mirror.initialise(3);
    const std::string path = folder(kind + "_" + name);
    Notes notes;
    train(model, parameters, few_symbols(), options, {.path = path}, notes);

    WorkerPool workers(1);
    TrainingStep<double> step(model, mirror, few_symbols(), workers, options.step);
    PlainTraining plain(layout, options.step, flat(mirror.values()));
    Comparison comparison(1e-9);
    ASSERT_EQ(std::ssize(notes.steps), options.steps);
    double share = 1;
    double best = HUGE_VAL;
    std::int64_t waited = 0;
    std::ifstream rows(path + "/metrics.csv");
    std::string row;
    std::getline(rows, row);  // the header
    for (std::int64_t s = 1; s <= options.steps; ++s) {
      std::copy(plain.values.begin(), plain.values.end(), mirror.values().data());
      const StepReport report = step.differentiate(s);
      const double rate = share * plain_rate(options.step.schedule, s);
      const double norm = plain.update({step.gradient(), step.gradient() + layout.flat_size()}, rate);
      const Progress& said = notes.steps[static_cast<std::size_t>(s - 1)];
      const std::string where = " of step " + std::to_string(s);
      comparison.near("rate" + where, std::vector{said.learning_rate}, std::vector{rate});
      comparison.near("loss" + where, std::vector{said.loss}, std::vector{report.loss});
      comparison.near("norm" + where, std::vector{said.gradient_norm}, std::vector{norm});
      std::getline(rows, row);
      std::istringstream cells(row);
      std::vector<double> numbers;
      std::string cell;
      for (int column = 0; column < 4 && std::getline(cells, cell, ','); ++column) numbers.push_back(std::stod(cell));
      comparison.near("row" + where, numbers, std::vector{static_cast<double>(s), rate, report.loss, norm});
      // Two validations without a lower loss halve the rate of what follows.
      const double loss = notes.losses.at(static_cast<std::size_t>(s - 1));
      waited = loss < best ? 0 : waited + 1;
      best = std::min(best, loss);
      if (options.step.schedule.kind == "plateau" && waited == options.step.schedule.plateau_patience) {
        share *= options.step.schedule.plateau_factor;
        waited = 0;
      }
    }
    comparison.near("parameters", parameters.values().span(), plain.values);
    ParameterStore<double> saved(layout);
    Optimizer<double> optimizer(options.step.optimizer, layout);
    CheckpointReader(path + "/checkpoint.h5").load(saved, optimizer);
    comparison.near("saved parameters", saved.values().span(), plain.values);
    for (std::size_t i = 0; i < optimizer.moments().size(); ++i) {
      comparison.near("saved moments", optimizer.moments()[i].values.span(), i == 0 ? plain.first : plain.second);
    }
    if (options.step.schedule.kind == "plateau") {
      EXPECT_LT(share, 1) << "the rate never fell: the test says little";
    }
  }
};

TEST_F(WholeRun, IsItsPlainRecomputation) {
  for (const char* kind : {"transformer", "decoder"}) {
    for (const StepCase& each : step_cases()) {
      TrainerOptions options{.steps = 3, .step = options_of(each), .validate_every = 1, .log_every = 1, .threads = 2};
      if (each.name == "plateau") {  // too fast to get better for long
        options.steps = 14;
        options.step.schedule.learning_rate = 0.3;
        options.step.schedule.plateau_patience = 2;
        // Else so high a rate makes much of gradients that rounding alone is left of.
        options.step.optimizer.epsilon = 1e-3;
        options.step.schedule.plateau_factor = 0.25;
      }
      compare(kind, options, each.name);
    }
  }
}

// A row of metrics.csv has the mean of the losses since the row before, and what else it says is of its own step.
TEST_F(WholeRun, ARowSumsUpTheStepsSinceTheRowBefore) {
  const Model model(tiny_model("decoder"));
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(3);
  TrainerOptions options{.steps = 7, .step = options_of({"", [](StepOptions&) {}}), .log_every = 3};
  Notes notes;
  train(model, parameters, few_symbols(), options, {.path = folder("rows")}, notes);
  std::ifstream rows(folder("rows") + "/metrics.csv");
  std::string row;
  std::getline(rows, row);
  std::int64_t before = 0;
  for (const std::int64_t s : {3, 6, 7}) {
    ASSERT_TRUE(std::getline(rows, row));
    std::istringstream cells(row);
    std::vector<double> numbers;
    std::string cell;
    for (int column = 0; column < 4 && std::getline(cells, cell, ','); ++column) numbers.push_back(std::stod(cell));
    double mean = 0;
    for (std::int64_t i = before; i < s; ++i) {
      mean += notes.steps.at(static_cast<std::size_t>(i)).loss / static_cast<double>(s - before);
    }
    const Progress& own = notes.steps.at(static_cast<std::size_t>(s - 1));
    EXPECT_EQ(numbers[0], static_cast<double>(s));
    EXPECT_EQ(numbers[1], own.learning_rate);
    EXPECT_NEAR(numbers[2], mean, 1e-12);
    EXPECT_EQ(numbers[3], own.gradient_norm);
    before = s;
  }
  EXPECT_FALSE(std::getline(rows, row));
}

}  // namespace
}  // namespace tapehead
