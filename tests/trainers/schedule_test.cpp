#include "trainers/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

double rate(const ScheduleOptions& options, std::int64_t step) {
  check_schedule(options);
  return learning_rate(options, step);
}

TEST(Schedule, WarmUpRisesLinearlyToThePeak) {
  for (const char* kind : {"constant", "cosine", "inverse_sqrt", "plateau"}) {
    const ScheduleOptions options{.kind = kind, .learning_rate = 0.4, .warmup = 4, .steps = 12};
    EXPECT_DOUBLE_EQ(rate(options, 1), 0.1) << kind;
    EXPECT_DOUBLE_EQ(rate(options, 2), 0.2) << kind;
    EXPECT_DOUBLE_EQ(rate(options, 3), 0.3) << kind;
    EXPECT_DOUBLE_EQ(rate(options, 4), 0.4) << kind;
  }
}

TEST(Schedule, ConstantStays) {
  EXPECT_EQ(rate({.learning_rate = 0.3}, 1), 0.3);
  EXPECT_EQ(rate({.learning_rate = 0.3}, 1000000), 0.3);
  EXPECT_EQ(rate({.learning_rate = 0.3, .warmup = 2}, 3), 0.3);
}

TEST(Schedule, CosineFallsToItsFinalShare) {
  const ScheduleOptions options{.kind = "cosine", .learning_rate = 2, .warmup = 4, .steps = 12, .final_share = 0.1};
  // Quarters of the way: cos(π/4) = √½, cos(π/2) = 0, cos(3π/4) = −√½, cos(π) = −1.
  EXPECT_NEAR(rate(options, 6), 2 * (0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2), 1e-15);
  EXPECT_NEAR(rate(options, 8), 2 * 0.55, 1e-15);
  EXPECT_NEAR(rate(options, 10), 2 * (0.1 + 0.9 * (1 - std::sqrt(0.5)) / 2), 1e-15);
  EXPECT_NEAR(rate(options, 12), 0.2, 1e-15);
  EXPECT_NEAR(rate(options, 100), 0.2, 1e-15);
}

TEST(Schedule, ARestartIsTheSameDescentAgain) {
  const ScheduleOptions once{.kind = "cosine", .learning_rate = 2, .warmup = 4, .steps = 12, .final_share = 0.1};
  ScheduleOptions thrice = once;
  thrice.steps = 28;
  thrice.restarts = 2;
  for (std::int64_t step = 1; step < 12; ++step) EXPECT_DOUBLE_EQ(rate(thrice, step), rate(once, step)) << step;
  for (std::int64_t step = 4; step < 12; ++step) {
    EXPECT_DOUBLE_EQ(rate(thrice, step + 8), rate(once, step)) << step;
    EXPECT_DOUBLE_EQ(rate(thrice, step + 16), rate(once, step)) << step;
  }
  EXPECT_NEAR(rate(thrice, 28), 0.2, 1e-15) << "it ends where the last descent ends";
  EXPECT_NEAR(rate(thrice, 99), 0.2, 1e-15);
  // 49 · (1/49) is below 1 in doubles: a restart must not come a step late.
  const ScheduleOptions many{.kind = "cosine", .learning_rate = 1, .steps = 49 * 3, .restarts = 48};
  for (std::int64_t step = 3; step < many.steps; step += 3) EXPECT_EQ(rate(many, step), 1) << step;
}

TEST(Schedule, CosineWithoutWarmUp) {
  const ScheduleOptions options{.kind = "cosine", .learning_rate = 1, .steps = 2, .final_share = 0};
  EXPECT_NEAR(rate(options, 1), 0.5, 1e-15);
  EXPECT_NEAR(rate(options, 2), 0, 1e-15);
}

TEST(Schedule, InverseSquareRootHalvesWithFourTimesTheSteps) {
  const ScheduleOptions options{.kind = "inverse_sqrt", .learning_rate = 0.6, .warmup = 100};
  EXPECT_DOUBLE_EQ(rate(options, 100), 0.6);
  EXPECT_DOUBLE_EQ(rate(options, 400), 0.3);
  EXPECT_DOUBLE_EQ(rate(options, 900), 0.2);
}

TEST(Schedule, NoamIsThatOfThePaper) {
  // d_model 256: 1/16; warm-up 400: 400^(−3/2) = 1/8000.
  const ScheduleOptions options{.kind = "noam", .learning_rate = 2, .warmup = 400, .d_model = 256};
  EXPECT_DOUBLE_EQ(rate(options, 1), 2.0 / 16 / 8000);
  EXPECT_DOUBLE_EQ(rate(options, 200), 2.0 / 16 * 200 / 8000);
  EXPECT_DOUBLE_EQ(rate(options, 400), 2.0 / 16 / 20);
  EXPECT_DOUBLE_EQ(rate(options, 1600), 2.0 / 16 / 40);
}

// Its rate follows from width and warm-up: a factor of 1 is the paper's, and a thousandth of it learns nothing.
TEST(Schedule, TheRateThatIsLeftOutIsThatOfItsKind) {
  EXPECT_DOUBLE_EQ(rate({.kind = "noam", .warmup = 400, .d_model = 256}, 400), 1.0 / 16 / 20);
  for (const char* kind : {"constant", "plateau", "inverse_sqrt"}) {
    EXPECT_DOUBLE_EQ(rate({.kind = kind, .warmup = 1}, 1), 0.001) << kind;
  }
  EXPECT_DOUBLE_EQ(rate({.kind = "cosine", .warmup = 2, .steps = 9}, 2), 0.001);
}

TEST(Schedule, RefusesARateThatThePrecisionOfTrainingCannotHold) {
  EXPECT_THROW(check_rate<float>({.learning_rate = 1e-60}), ConfigError);
  EXPECT_THROW(check_rate<float>({.learning_rate = 1e60}), ConfigError);
  EXPECT_NO_THROW(check_rate<double>({.learning_rate = 1e-60}));
  EXPECT_NO_THROW(check_rate<float>({.learning_rate = 1e-30}));
  EXPECT_NO_THROW(check_rate<float>({.kind = "noam"}));
}

TEST(Schedule, OnlyCosineDependsOnTheNumberOfSteps) {
  for (const std::string kind : {"constant", "cosine", "inverse_sqrt", "noam", "plateau"}) {
    const ScheduleOptions shorter{.kind = kind, .warmup = 3, .steps = 20, .d_model = 8};
    ScheduleOptions longer = shorter;
    longer.steps = 40;
    EXPECT_EQ(depends_on_steps(shorter), kind == "cosine");
    EXPECT_EQ(rate(shorter, 15) != rate(longer, 15), depends_on_steps(shorter)) << kind;
  }
}

TEST(Schedule, RefusesWhatMakesNoSchedule) {
  const auto refused = [](const ScheduleOptions& options, const std::string& message) {
    EXPECT_THAT([&] { check_schedule(options); }, testing::ThrowsMessage<ConfigError>(testing::HasSubstr(message)));
  };
  refused({.kind = "linear"}, "\"linear\" is none of constant, cosine, inverse_sqrt, noam, plateau");
  refused({.learning_rate = 0}, "lr: must be more than 0, not 0");
  refused({.learning_rate = -1}, "lr: must be more than 0, not -1");
  refused({.learning_rate = NAN}, "lr: \"nan\" is not a finite number");
  refused({.learning_rate = INFINITY}, "lr: \"inf\" is not a finite number");
  refused({.warmup = -1}, "warmup: must be at least 0, not -1");
  refused({.kind = "noam", .warmup = 0, .d_model = 8}, "noam needs a warm-up of at least 1 step");
  refused({.kind = "inverse_sqrt"}, "inverse_sqrt needs a warm-up of at least 1 step");
  refused({.kind = "noam", .warmup = 10}, "noam needs the width of the model");
  refused({.kind = "cosine", .warmup = 10, .steps = 10}, "cosine needs more steps (10) than warm-up (10)");
  refused({.kind = "cosine", .steps = 10, .final_share = -0.5}, "final-share: must be at least 0, not -0.5");
  refused({.kind = "plateau", .plateau_factor = 1}, "plateau-factor: must be less than 1, not 1");
  refused({.kind = "plateau", .plateau_factor = NAN}, "plateau-factor: \"nan\" is not a finite number");
  refused({.kind = "plateau", .plateau_patience = 0}, "plateau-patience: must be at least 1, not 0");
  refused({.kind = "cosine", .steps = 10, .final_share = NAN}, "final-share: \"nan\" is not a finite number");
}

}  // namespace
}  // namespace tapehead
