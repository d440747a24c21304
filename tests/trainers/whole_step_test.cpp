// The training step as it is called, option by option, against a plain re-computation: batch, loss, gradient, norm,
// clipping, rate, moments and parameters, over the first steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/random.hpp"
#include "tests/support/comparison.hpp"
#include "tests/support/plain_model.hpp"
#include "tests/trainers/plain_training.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

class WholeStep : public testing::TestWithParam<std::tuple<const char*, StepCase>> {};
INSTANTIATE_TEST_SUITE_P(, WholeStep,
                         testing::Combine(testing::Values("transformer", "decoder"), testing::ValuesIn(step_cases())),
                         [](const auto& at) {
                           return std::string(std::get<0>(at.param)) + "_" + std::get<1>(at.param).name;
                         });

TEST_P(WholeStep, IsItsPlainRecomputation) {
  const auto& [kind, each] = GetParam();
  const StepOptions options = options_of(each);
  const ModelConfig config = tiny_model(kind);
  const Model model(config);
  const ParameterLayout& layout = model.layout();
  ParameterStore<double> parameters(layout);
  parameters.initialise(3);
  WorkerPool workers(2);
  TrainingStep<double> step(model, parameters, few_symbols(), workers, options);
  PlainTraining plain(layout, options, flat(parameters.values()));
  Comparison comparison(1e-9);
  for (std::int64_t s = 1; s <= 3; ++s) {
    const StepReport report = step.run(s);
    const std::vector<double> gradient(step.gradient(), step.gradient() + layout.flat_size());

    // The batch of the step, its loss and its derivative along a direction, in plain loops over the whole batch.
    Batch batch(batch_layout(few_symbols(), model.reads_source()));
    batch.reserve(options.batch, few_symbols().shape());
    few_symbols().fill_training_batch(options.seed, static_cast<std::uint64_t>(s), options.batch, batch);
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
    const Model model(tiny_model(kind));
    WorkerPool workers(1);
    const auto trained = [&](const StepCase& each) {
      ParameterStore<double> parameters(model.layout());
      parameters.initialise(3);
      TrainingStep<double> step(model, parameters, few_symbols(), workers, options_of(each));
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

}  // namespace
}  // namespace tapehead
