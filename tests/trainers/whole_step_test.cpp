// The training step as it is called, option by option, against a plain re-computation: batch, loss, gradient, norm,
// clipping, rate, moments and parameters, over the first steps, through TrainingStep and through train().

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <numbers>
#include <sstream>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/plain_model.hpp"
#include "tests/trainers/training_support.hpp"
#include "trainers/checkpoint/checkpoint.hpp"
#include "trainers/step.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

const MadeDataset& data() {
  static const MadeDataset made(
      {.task = "reverse", .symbols = 5, .min_length = 2, .max_length = 4, .validation = 6, .test = 6});
  return made;
}

ModelConfig tiny(const std::string& kind) {
  return {.model = kind,
          .layers = 1,
          .heads = 2,
          .d_model = 6,
          .d_ff = 7,
          .positions = "learned",
          .activation = "gelu",
          .dropout = 0.2,
          .max_positions = 12,
          .source_vocabulary = data().source_vocabulary().size(),
          .target_vocabulary = data().target_vocabulary().size()};
}

struct StepCase {
  std::string name;
  std::function<void(StepOptions&)> change;
};

std::vector<StepCase> step_cases() {
  return {
      {"adam", [](StepOptions&) {}},
      {"betas", [](StepOptions& o) { o.optimizer.beta1 = 0.7, o.optimizer.beta2 = 0.9; }},
      {"epsilon", [](StepOptions& o) { o.optimizer.epsilon = 0.03; }},
      {"l2", [](StepOptions& o) { o.optimizer.weight_decay = 0.4; }},
      {"adamw", [](StepOptions& o) { o.optimizer.kind = "adamw", o.optimizer.weight_decay = 0.4; }},
      {"sgd", [](StepOptions& o) { o.optimizer.kind = "sgd"; }},
      {"sgd_l2", [](StepOptions& o) { o.optimizer.kind = "sgd", o.optimizer.weight_decay = 0.4; }},
      {"momentum", [](StepOptions& o) { o.optimizer.kind = "sgd", o.optimizer.momentum = 0.8; }},
      {"nesterov", [](StepOptions& o) { o.optimizer.kind = "nesterov", o.optimizer.momentum = 0.8; }},
      {"clip", [](StepOptions& o) { o.clip = 0.05; }},
      {"clip_sgd", [](StepOptions& o) { o.clip = 0.05, o.optimizer.kind = "sgd"; }},
      {"clip_l2", [](StepOptions& o) { o.clip = 0.05, o.optimizer.kind = "sgd", o.optimizer.weight_decay = 0.4; }},
      {"clip_out_of_reach", [](StepOptions& o) { o.clip = 1e6; }},
      {"warmup", [](StepOptions& o) { o.schedule.warmup = 2; }},
      {"cosine", [](StepOptions& o) { o.schedule.kind = "cosine", o.schedule.warmup = 1, o.schedule.steps = 4; }},
      {"cosine_to_a_share",
       [](StepOptions& o) { o.schedule.kind = "cosine", o.schedule.steps = 3, o.schedule.final_share = 0.4; }},
      {"inverse_sqrt", [](StepOptions& o) { o.schedule.kind = "inverse_sqrt", o.schedule.warmup = 2; }},
      {"noam",
       [](StepOptions& o) {
         o.schedule = {.kind = "noam", .warmup = 2, .d_model = 6};  // its factor left out: 1
       }},
      {"noam_by_a_factor",
       [](StepOptions& o) { o.schedule = {.kind = "noam", .learning_rate = 0.3, .warmup = 2, .d_model = 6}; }},
      {"default_rate", [](StepOptions& o) { o.schedule = {}; }},
      {"plateau", [](StepOptions& o) { o.schedule.kind = "plateau"; }},
      {"smoothing", [](StepOptions& o) { o.label_smoothing = 0.3; }},
      {"one_shard", [](StepOptions& o) { o.shards = 1; }},
      {"seed", [](StepOptions& o) { o.seed = 77; }},
      {"batch", [](StepOptions& o) { o.batch = 2; }},
  };
}

StepOptions options_of(const StepCase& each) {
  StepOptions options{.seed = 5, .batch = 5, .shards = 3, .schedule = {.learning_rate = 0.02}};
  each.change(options);
  return options;
}

// The rate of a step, from the formulas in schedule.hpp.
double plain_rate(const ScheduleOptions& o, std::int64_t step) {
  const auto s = static_cast<double>(step);
  const auto w = static_cast<double>(o.warmup);
  if (o.kind == "noam") {
    const double factor = o.learning_rate ? *o.learning_rate : 1;
    return factor * std::pow(static_cast<double>(o.d_model), -0.5) * std::min(std::pow(s, -0.5), s * std::pow(w, -1.5));
  }
  const double peak = o.learning_rate ? *o.learning_rate : 0.001;
  if (s <= w) return peak * s / w;
  if (o.kind == "inverse_sqrt") return peak * std::sqrt(w / s);
  if (o.kind == "cosine") {
    const double part = (s - w) / (static_cast<double>(o.steps) - w);
    return peak * (o.final_share + (1 - o.final_share) * 0.5 * (1 + std::cos(std::numbers::pi * part)));
  }
  return peak;
}

// Parameters and what the optimizer remembers of them, one number at a time.
class PlainTraining {
 public:
  PlainTraining(const ParameterLayout& layout, const StepOptions& options, std::vector<double> start)
      : layout_(layout), options_(options), values(std::move(start)), first(values.size()), second(values.size()) {}

  // One update with the gradient of a batch, at a rate. Returns the gradient's norm before clipping.
  double update(const std::vector<double>& gradient, double rate) {
    ++updates_;
    const OptimizerOptions& o = options_.optimizer;
    double squares = 0;
    for (const double g : gradient) squares += g * g;
    const double norm = std::sqrt(squares);
    const double shrink = options_.clip > 0 && norm > options_.clip ? options_.clip / norm : 1;
    for (const ParameterRange& range : layout_.ranges()) {
      for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        // Matrices and tables of words decay; vectors, and tables of positions, do not.
        const bool decays = range.name.ends_with(".weight") && !range.name.ends_with(".positions.weight");
        const double decay = decays ? o.weight_decay : 0;
        double g = shrink * gradient[at];
        if (o.kind != "adamw") g += decay * values[at];
        if (o.kind == "adam" || o.kind == "adamw") {
          first[at] = o.beta1 * first[at] + (1 - o.beta1) * g;
          second[at] = o.beta2 * second[at] + (1 - o.beta2) * g * g;
          const double m = first[at] / (1 - std::pow(o.beta1, updates_));
          const double v = second[at] / (1 - std::pow(o.beta2, updates_));
          const double before = values[at];
          values[at] = before - rate * m / (std::sqrt(v) + o.epsilon);
          if (o.kind == "adamw") values[at] -= rate * decay * before;
          continue;
        }
        first[at] = o.momentum * first[at] + g;
        values[at] -= rate * (o.kind == "nesterov" ? g + o.momentum * first[at] : first[at]);
      }
    }
    return norm;
  }

 private:
  const ParameterLayout& layout_;
  StepOptions options_;
  int updates_ = 0;

 public:
  std::vector<double> values, first, second;
};

std::vector<double> flat(const FlatVector<double>& values) { return {values.span().begin(), values.span().end()}; }

class WholeStep : public testing::TestWithParam<std::tuple<const char*, StepCase>> {};
INSTANTIATE_TEST_SUITE_P(, WholeStep,
                         testing::Combine(testing::Values("transformer", "decoder"), testing::ValuesIn(step_cases())),
                         [](const auto& at) {
                           return std::string(std::get<0>(at.param)) + "_" + std::get<1>(at.param).name;
                         });

TEST_P(WholeStep, IsItsPlainRecomputation) {
  const auto& [kind, each] = GetParam();
  const StepOptions options = options_of(each);
  const ModelConfig config = tiny(kind);
  const Model model(config);
  const ParameterLayout& layout = model.layout();
  ParameterStore<double> parameters(layout);
  parameters.initialise(3);
  WorkerPool workers(2);
  TrainingStep<double> step(model, parameters, data(), workers, options);
  PlainTraining plain(layout, options, flat(parameters.values()));
  Comparison comparison(1e-9);
  for (std::int64_t s = 1; s <= 3; ++s) {
    const StepReport report = step.run(s);
    const std::vector<double> gradient(step.gradient(), step.gradient() + layout.flat_size());

    // The batch of the step, its loss and its derivative along a direction, in plain loops over the whole batch.
    Batch batch(batch_layout(data(), model.reads_source()));
    batch.reserve(options.batch, data().shape());
    data().fill_training_batch(options.seed, static_cast<std::uint64_t>(s), options.batch, batch);
    const RandomStream random(4, Purpose::test, static_cast<std::uint64_t>(s));
    std::vector<double> direction(plain.values.size());
    double along = 0;
    for (const ParameterRange& range : layout.ranges()) {
      for (std::int64_t i = range.offset; i < range.offset + range.shape.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        direction[at] = random.normal(static_cast<std::uint32_t>(i));
        along += direction[at] * gradient[at];
      }
    }
    const PlainModel loops(config, layout, dual(plain.values, direction),
                           {.training = true, .seed = options.seed, .step = static_cast<std::uint64_t>(s)});
    const Dual loss = loops.loss(batch.source(), batch.input(), batch.expected(), options.label_smoothing);
    const std::string where = " of step " + std::to_string(s);
    comparison.near("loss" + where, std::vector{report.loss}, std::vector{loss.real()});
    comparison.near("gradient" + where, std::vector{along}, std::vector{loss.imag() / kDualStep});
    EXPECT_EQ(report.tokens, batch.counted_tokens());

    const double rate = plain_rate(options.schedule, s);
    const double norm = plain.update(gradient, rate);
    comparison.near("norm" + where, std::vector{report.gradient_norm}, std::vector{norm});
    comparison.near("rate" + where, std::vector{report.learning_rate}, std::vector{rate});
    if (options.clip > 0) {
      EXPECT_EQ(norm > options.clip, options.clip < 1) << norm;
    }
    comparison.near("parameters" + where, parameters.values().span(), plain.values);
    const auto& moments = step.optimizer().moments();
    for (std::size_t i = 0; i < moments.size(); ++i) {
      comparison.near(moments[i].name + where, moments[i].values.span(), i == 0 ? plain.first : plain.second);
    }
    EXPECT_EQ(step.optimizer().updates(), s);
  }
}

// What differs from the base must end with other parameters: an option that does nothing is found here.
TEST(WholeSteps, EachOptionActs) {
  for (const char* kind : {"transformer", "decoder"}) {
    const Model model(tiny(kind));
    WorkerPool workers(1);
    const auto trained = [&](const StepCase& each) {
      ParameterStore<double> parameters(model.layout());
      parameters.initialise(3);
      TrainingStep<double> step(model, parameters, data(), workers, options_of(each));
      for (std::int64_t s = 1; s <= 3; ++s) step.run(s);
      return flat(parameters.values());
    };
    std::vector<std::pair<std::string, std::vector<double>>> all;
    for (const StepCase& each : step_cases()) {
      // Without a validation there is no plateau; a bound that is not reached changes nothing; shards change rounding.
      if (each.name == "plateau" || each.name == "clip_out_of_reach" || each.name == "one_shard") continue;
      all.emplace_back(each.name, trained(each));
    }
    for (std::size_t a = 0; a < all.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        double difference = 0;
        for (std::size_t i = 0; i < all[a].second.size(); ++i) {
          difference = std::max(difference, std::abs(all[a].second[i] - all[b].second[i]));
        }
        EXPECT_GT(difference, 1e-6) << kind << ": " << all[a].first << " and " << all[b].first;
      }
    }
  }
}

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
    const Model model(tiny(kind));
    const ParameterLayout& layout = model.layout();
    ParameterStore<double> parameters(layout);
    parameters.initialise(3);
    ParameterStore<double> mirror(layout);
    mirror.initialise(3);
    const std::string path = folder(kind + "_" + name);
    Notes notes;
    train(model, parameters, data(), options, {.path = path}, notes);

    WorkerPool workers(1);
    TrainingStep<double> step(model, mirror, data(), workers, options.step);
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
  const Model model(tiny("decoder"));
  ParameterStore<double> parameters(model.layout());
  parameters.initialise(3);
  TrainerOptions options{.steps = 7, .step = options_of({"", [](StepOptions&) {}}), .log_every = 3};
  Notes notes;
  train(model, parameters, data(), options, {.path = folder("rows")}, notes);
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

// Makes the gradient of some steps infinite, and mends it again.
struct Skipping : TrainingObserver {
  Skipping(ParameterStore<float>& store, std::int64_t spoilt) : parameters(store), at(spoilt) {}
  void on_step(const Progress& progress) override {
    if (progress.step + 1 == at) {
      kept = parameters.values().data()[0];
      parameters.values().data()[0] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  void on_skip(const Progress&, const std::string&) override { parameters.values().data()[0] = kept; }
  ParameterStore<float>& parameters;
  std::int64_t at;
  float kept = 0;
};

TEST_F(TrainingRun, AdamCountsUpdatesNotSteps) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(1);
  options.steps = 6;
  options.skip_nonfinite = 1;
  options.validate_every = 0;
  const auto numbers_of = [&](const std::string& path) {
    return CheckpointReader(path + "/checkpoint.h5").meta().numbers;
  };
  const std::string path = folder("skipping");
  ParameterStore<float> parameters(model.layout());
  parameters.initialise(7);
  Skipping observer(parameters, 3);
  train(model, parameters, reversing(), options, {.path = path}, observer);
  EXPECT_EQ(numbers_of(path).at("skipped_steps"), 1);
  EXPECT_EQ(numbers_of(path).at("updates"), 5);

  // The same by hand, with t counted so.
  ParameterStore<float> mirror(model.layout());
  mirror.initialise(7);
  WorkerPool workers(1);
  TrainingStep<float> step(model, mirror, reversing(), workers, options.step);
  Optimizer<float> optimizer(options.step.optimizer, model.layout());
  GlobalNorm<float> norm(model.layout().flat_size());
  for (std::int64_t s = 1; s <= 6; ++s) {
    if (s == 3) continue;
    step.differentiate(s);
    optimizer.update(mirror.values(), step.gradient(), learning_rate(options.step.schedule, s),
                     clip_scale(norm(step.gradient(), workers), options.step.clip), workers);
  }
  EXPECT_EQ(parameter_digest(parameters), parameter_digest(mirror));

  // Resumed after the step that was left out: the count is part of what is saved.
  ParameterStore<float> parts(model.layout());
  parts.initialise(7);
  struct Stop : Skipping {
    using Skipping::Skipping;
    void on_step(const Progress& progress) override {
      Skipping::on_step(progress);
      stop = progress.step == 4;
    }
    std::atomic<bool> stop{false};
  } stopping(parts, 3);
  const std::string parted = folder("parted");
  EXPECT_EQ(train(model, parts, reversing(), options, {.path = parted}, stopping, &stopping.stop),
            TrainingOutcome::interrupted);
  EXPECT_EQ(numbers_of(parted).at("updates"), 3);
  TrainingObserver quiet;
  train(model, parts, reversing(), options, {.path = parted, .resume = true}, quiet);
  EXPECT_EQ(parameter_digest(parts), parameter_digest(parameters));
}

// A checkpoint of before the count was kept.
TEST_F(TrainingRun, ACheckpointWithoutTheCountOfUpdatesIsResumed) {
  const Model model(small_model(reversing(), "decoder"));
  TrainerOptions options = small_run(1);
  options.steps = 6;
  options.validate_every = 0;
  const std::string whole = digest_of_run("decoder", options, folder("whole"));
  const std::string path = folder("old");
  digest_of_run(
      "decoder",
      [&] {
        auto o = options;
        o.steps = 4;
        return o;
      }(),
      path);
  ParameterStore<float> parameters(model.layout());
  Optimizer<float> optimizer(options.step.optimizer, model.layout());
  {
    const CheckpointReader reader(path + "/checkpoint.h5");
    reader.load(parameters, optimizer);
    CheckpointMeta meta = reader.meta();
    ASSERT_EQ(meta.numbers.erase("updates"), 1U);
    save_checkpoint(path + "/checkpoint.h5", meta, parameters, optimizer);
  }
  TrainingObserver observer;
  train(model, parameters, reversing(), options, {.path = path, .resume = true}, observer);
  EXPECT_EQ(parameter_digest(parameters), whole);
}

}  // namespace
}  // namespace tapehead
