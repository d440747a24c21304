#include "trainers/goal.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Goal, IsReachedFromTheRightSide) {
  const std::vector<MetricSpec> metrics{
      {"loss", "", Better::lower}, {"match", "share", Better::higher}, {"lines", "count"}};
  const auto of = [](double loss, double match) { return Evaluation{.results = {{"loss", loss}, {"match", match}}}; };
  const Goal low = parse_goal("loss=0.5", metrics);
  EXPECT_TRUE(low.reached_by(of(0.5, 0)));
  EXPECT_FALSE(low.reached_by(of(0.51, 1)));
  EXPECT_FALSE(low.reached_by(of(std::nan(""), 1)));
  const Goal high = parse_goal("match=1e-1", metrics);
  EXPECT_TRUE(high.reached_by(of(9, 0.1)));
  EXPECT_FALSE(high.reached_by(of(0, 0.09)));
  EXPECT_FALSE(parse_goal("", metrics).reached_by(of(0, 1)));
  EXPECT_FALSE(high.reached_by({}));
  for (const char* text :
       {"match", "match=", "match=x", "match=1x", "match=nan", "=1", "lines=3", "Loss=1", "loss 1"}) {
    EXPECT_THAT([&] { parse_goal(text, metrics); },
                ThrowsMessage<ConfigError>(HasSubstr("\"" + std::string(text) + "\" ")));
  }
  EXPECT_TRUE(parse_goal("match=1", metrics).reached_by(of(0, 1)));
  EXPECT_THAT([&] { parse_goal("match=1.01", metrics); },
              ThrowsMessage<ConfigError>("match is a share, which is at most 1, not 1.01"));
  EXPECT_THAT([&] { parse_goal("loss=-0.5", metrics); },
              ThrowsMessage<ConfigError>("loss is never below 0, and -0.5 is no goal"));
  EXPECT_THAT([&] { parse_goal("mtach=1", metrics); },
              ThrowsMessage<ConfigError>("\"mtach=1\" is no goal; did you mean match? see tapehead list metrics"));
}

}  // namespace
}  // namespace tapehead
