#include "trainers/validation_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

// After each loss: the share of the learning rate, and an asterisk where it was the best.
std::vector<std::string> story(ValidationHistory history, const std::vector<double>& losses, bool with_restarts) {
  std::vector<std::string> told;
  std::int64_t step = 0;
  for (const double loss : losses) {
    const bool best = history.record(step += 10, loss);
    told.push_back(std::to_string(history.learning_rate_share()).substr(0, 4) + (best ? "*" : "") +
                   (history.should_stop() ? "!" : ""));
    if (!with_restarts) continue;
    std::map<std::string, double> numbers;
    history.store(numbers);
    history.restore(numbers);
  }
  return told;
}

// What is better the higher is its negative, better the lower.
TEST(ValidationHistory, HigherIsBetterWhereItIsSaid) {
  const std::vector<double> losses{3, 2, 2, 2.5, 1.9, 1.9, 4, 1.95, 2, 1.85};
  std::vector<double> results;
  for (const double loss : losses) results.push_back(-loss);
  for (const double min_improvement : {0.0, 0.1}) {
    HistoryOptions options{.min_improvement = min_improvement, .plateau = true, .plateau_patience = 2, .early_stop = 5};
    const auto lower = story(ValidationHistory(options), losses, false);
    options.direction = Better::higher;
    for (const bool with_restarts : {false, true}) {
      EXPECT_EQ(story(ValidationHistory(options), results, with_restarts), lower) << min_improvement;
    }
  }
  ValidationHistory history({.direction = Better::higher});
  EXPECT_FALSE(history.record(1, std::nan("")));
  EXPECT_TRUE(history.record(2, 0)) << "the worst share is better than none";
  EXPECT_FALSE(history.record(3, 0));
  EXPECT_TRUE(history.record_end(4, 0.5));
  EXPECT_EQ(std::tuple(history.best_value(), history.best_step(), history.kept_value(), history.kept_step()),
            std::tuple(0, 2, 0.5, 4));
  EXPECT_THROW(history.restore({{"best_value", std::numeric_limits<double>::infinity()}}), CheckpointError);
}

TEST(ValidationHistory, PlateausLowerTheRateAndStopInTheEnd) {
  const HistoryOptions options{.plateau = true, .plateau_factor = 0.5, .plateau_patience = 2, .early_stop = 5};
  const std::vector<double> losses{3, 2, 2, 2.5, 1.9, 1.9, 4, 1.95, 2, 1.9};
  const auto expected =
      testing::ElementsAre("1.00*", "1.00*", "1.00", "0.50", "0.50*", "0.50", "0.25", "0.25", "0.12", "0.12!");
  EXPECT_THAT(story(ValidationHistory(options), losses, false), expected);
  EXPECT_THAT(story(ValidationHistory(options), losses, true), expected) << "the state is not all in the numbers";
}

TEST(ValidationHistory, ATinyImprovementIsTheBestButNoReasonToGoOn) {
  const HistoryOptions options{.min_improvement = 0.1, .early_stop = 2};
  EXPECT_THAT(story(ValidationHistory(options), {1, 0.95, 0.85, 0.8, 0.75}, false),
              testing::ElementsAre("1.00*", "1.00*", "1.00*", "1.00*", "1.00*!"));
}

TEST(ValidationHistory, ALossThatIsNoNumberIsNoBetter) {
  ValidationHistory history({.early_stop = 2});
  EXPECT_FALSE(history.record(1, NAN));
  EXPECT_FALSE(history.record(2, INFINITY));
  EXPECT_TRUE(history.should_stop());
  EXPECT_EQ(history.best_step(), 0);
  EXPECT_TRUE(history.record(3, 5));
  EXPECT_FALSE(history.should_stop());
  EXPECT_EQ(history.best_step(), 3);
  EXPECT_FALSE(history.record(4, NAN));
  EXPECT_EQ(history.best_value(), 5);
}

TEST(ValidationHistory, WithoutOptionsNothingFollows) {
  ValidationHistory history;
  for (int i = 0; i < 100; ++i) history.record(i, 1);
  EXPECT_EQ(history.learning_rate_share(), 1);
  EXPECT_FALSE(history.should_stop());
  EXPECT_EQ(history.waited(), 99);
}

// What is kept may be the end; what follows from the validations on the way may not depend on where the end was.
TEST(ValidationHistory, AnEndThatIsBetterIsKeptAndChangesNothingElse) {
  ValidationHistory history;
  EXPECT_FALSE(history.record_end(5, 1)) << "nothing was kept on the way";
  EXPECT_EQ(history.kept_step(), 0);
  history.record(10, 3);
  EXPECT_FALSE(history.record_end(15, 3));
  EXPECT_FALSE(history.record_end(15, NAN));
  EXPECT_EQ(history.kept_step(), 10);
  EXPECT_TRUE(history.record_end(15, 2));
  EXPECT_EQ(history.kept_step(), 15);
  EXPECT_EQ(history.best_step(), 10);

  std::map<std::string, double> numbers;
  history.store(numbers);
  ValidationHistory later;
  later.restore(numbers);
  EXPECT_EQ(later.kept_step(), 15);
  EXPECT_EQ(later.kept_value(), 2);
  EXPECT_TRUE(later.record(20, 2.5)) << "as in the run that went on";
  EXPECT_EQ(later.kept_step(), 20);
  EXPECT_EQ(later.kept_value(), 2.5);
}

TEST(ValidationHistory, OlderCheckpointsKeptTheBestOnTheWay) {
  ValidationHistory history;
  history.restore({{"best_loss", 2}, {"best_step", 40}});
  EXPECT_EQ(history.kept_step(), 40);
  EXPECT_EQ(history.kept_value(), 2);
}

// A checkpoint that knows nothing of validations begins without any.
TEST(ValidationHistory, NothingIsRestoredFromNothing) {
  ValidationHistory history;
  history.record(1, 2);
  history.restore({});
  EXPECT_EQ(history.best_step(), 0);
  EXPECT_TRUE(history.record(2, 3));
}

}  // namespace
}  // namespace tapehead
