#include <gmock/gmock.h>

#include "tests/experiments/program_support.hpp"
#include "trainers/metrics/evaluation.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

TEST(List, EachPartCanBeHadAlone) {
  const nlohmann::json all = run({"list", "--json"}).json();
  std::vector<std::string> parts;
  for (const auto& [part, entries] : all.items()) {
    parts.push_back(part);
    const nlohmann::json alone = run({"list", part, "--json"}).json();
    EXPECT_EQ(alone.size(), 1U);
    EXPECT_EQ(alone[part], entries);
    EXPECT_THAT(run({"list", part}).out, testing::StartsWith(part + "\n  "));
  }
  EXPECT_THAT(parts, testing::UnorderedElementsAre("presets", "tasks", "models", "likenesses", "attention", "mixers",
                                                   "cells", "ops", "metrics"));
  EXPECT_EQ(run({"list", "preset"}).err,
            "tapehead: list: \"preset\" is none of presets, tasks, models, likenesses, attention, mixers, cells, ops, "
            "metrics; did you "
            "mean presets?\n");
}

TEST(List, OfMetricsHasWhatIsMeasuredWithUnitAndDirection) {
  const nlohmann::json metrics = run({"list", "metrics", "--json"}).json()["metrics"];
  const std::vector<MetricSpec>& known = evaluation_metrics();
  ASSERT_EQ(metrics.size(), known.size());
  for (std::size_t i = 0; i < metrics.size(); ++i) EXPECT_EQ(metrics[i]["name"], known[i].name);
  const std::string text = run({"list", "metrics"}).out;
  EXPECT_THAT(text, HasSubstr("(share, higher is better)"));
  EXPECT_THAT(text, HasSubstr("(nats a token, lower is better)"));
  EXPECT_THAT(text, HasSubstr("exp(loss) (lower is better)"));
  EXPECT_THAT(run({"list", "metrics", "--json"}).out, HasSubstr("(share, lower is better, eval --decode measures it)"));
}

}  // namespace
}  // namespace tapehead
