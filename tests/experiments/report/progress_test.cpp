#include "experiments/report/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <sstream>

#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

Progress half_way() {
  return {.step = 500,
          .steps = 1000,
          .loss = 0.25,
          .learning_rate = 1e-3,
          .seconds = 10,
          .seconds_before = 6,
          .first_step = 300};
}

TEST(Duration, IsWrittenAsAClock) {
  EXPECT_EQ(duration_text(9.4), "0:09");
  EXPECT_EQ(duration_text(754), "12:34");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(1.0 / 0.0), "?");
}

TEST(ProgressLine, RateCountsOnlyTheStepsSinceTheResume) {
  // 200 steps in 4 s, after 6 s of an earlier part; 500 are left.
  EXPECT_EQ(progress_line(half_way(), 200), "500/1000 ██████████░░░░░░░░░░ 50 steps/s  0:10 left  loss 0.2500");
  EXPECT_EQ(progress_line(half_way(), 60), "500/1000 ██████████░░░░░░░░░░  0:10 left  loss 0.2500");
  EXPECT_EQ(progress_line(half_way(), 45), "500/1000 ████░░░░  0:10 left  loss 0.2500");
  EXPECT_EQ(progress_line(half_way(), 35), "500/1000  0:10 left  loss 0.2500");
  EXPECT_EQ(progress_line(half_way(), 25), "500/1000  loss 0.2500");
  EXPECT_EQ(progress_line(half_way(), 15), "500/1000  loss…");
}

TEST(ProgressLine, ShowsTheLastValidation) {
  const Evaluation evaluation{.results = {{"loss", 0.125, "nats a token", Better::lower, true},
                                          {"exact_match", 0.5, "share", Better::higher, true}}};
  Progress progress = half_way();
  progress.validation = &evaluation;
  EXPECT_THAT(progress_line(progress, 200), HasSubstr("valid loss 0.1250 exact 50.0%"));
}

// Where no sequence fits into the model there is no loss.
TEST(ProgressLine, WhatThereIsNoneOfIsCalledNone) {
  const double none = -std::numeric_limits<double>::quiet_NaN();
  const Evaluation evaluation{.results = {{"loss", none, "nats a token", Better::lower, true},
                                          {"perplexity", none, "", Better::lower, true},
                                          {"recall", none, "share", Better::higher, true}},
                              .available = 3,
                              .headline = "recall"};
  Progress progress = half_way();
  progress.loss = none;
  progress.validation = &evaluation;
  EXPECT_THAT(progress_line(progress, 200), HasSubstr("loss none  valid loss none recall none"));
  std::ostringstream out;
  ProgressDisplay display(out, false, 50);
  display.on_step(progress);
  display.on_validation(progress);
  EXPECT_THAT(out.str(), HasSubstr("step 500/1000  loss none  lr"));
  EXPECT_THAT(out.str(), HasSubstr("the first 0 of 3 sequences: loss none  recall none\n"));
}

TEST(ProgressDisplay, ALongLabelLeavesRoomForStepAndLoss) {
  setenv("COLUMNS", "60", 1);
  std::ostringstream out;
  {
    ProgressDisplay display(out, true, 50, "[1/24] initialisation=xavier label-smoothing=0.1 norm=post seed=1  ");
    display.on_step(half_way());
  }
  unsetenv("COLUMNS");
  EXPECT_THAT(out.str(), HasSubstr("\r[1/24] initialisati… seed=1  500/1000"));
  EXPECT_THAT(out.str(), HasSubstr("500/1000  loss 0.2500"));
}

TEST(ProgressDisplay, WithoutATerminalOnePlainLineEverySoManySteps) {
  std::ostringstream out;
  {
    ProgressDisplay display(out, false, 50);
    Progress progress = half_way();
    for (progress.step = 999; progress.step >= 901; --progress.step) display.on_step(progress);
    progress.step = 1000;
    display.on_step(progress);
  }
  const std::string text = out.str();
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("step 950/1000  loss 0.2500"));
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(ProgressDisplay, OnATerminalOneLineRenewsItselfAndIsClosed) {
  std::ostringstream out;
  {
    ProgressDisplay display(out, true, 50);
    Progress progress = half_way();
    display.on_step(progress);
    progress.step = 1000;
    display.on_step(progress);
  }
  EXPECT_TRUE(out.str().starts_with("\r500/1000"));
  EXPECT_THAT(out.str(), HasSubstr("\r1000/1000"));
  EXPECT_TRUE(out.str().ends_with("\n"));
  EXPECT_EQ(std::ranges::count(out.str(), '\n'), 1);
}

}  // namespace
}  // namespace tapehead
