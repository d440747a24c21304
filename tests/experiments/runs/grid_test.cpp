#include "experiments/runs/grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

std::string refusal(const std::vector<std::string>& texts) {
  try {
    std::vector<Variation> variations;
    for (const std::string& text : texts) variations.push_back(parse_variation(text));
    expand_grid(variations);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Grid, IsEveryCombinationTheLastVariationFastest) {
  const std::vector<Variation> variations{parse_variation("heads=1,2,4"), parse_variation("scale=inv_sqrt_dk,none")};
  const std::vector<Cell> cells = expand_grid(variations);
  std::vector<std::string> names;
  for (const Cell& cell : cells) {
    names.push_back(cell.name(variations));
    const Settings settings = cell.settings(Settings(), variations);
    EXPECT_EQ(settings.text("heads"), cell.values[0]);
    EXPECT_EQ(settings.text("scale"), cell.values[1]);
    EXPECT_EQ(settings.text("layers"), "2");
  }
  EXPECT_THAT(names,
              testing::ElementsAre("heads=1 scale=inv_sqrt_dk", "heads=1 scale=none", "heads=2 scale=inv_sqrt_dk",
                                   "heads=2 scale=none", "heads=4 scale=inv_sqrt_dk", "heads=4 scale=none"));
}

TEST(Grid, WithoutVariationsIsTheBaseAlone) { EXPECT_EQ(expand_grid({}).size(), 1U); }

TEST(Grid, SizeIsCountedWithoutMakingTheCells) {
  const std::vector<Variation> two{parse_variation("heads=1,2,4"), parse_variation("layers=1,2")};
  EXPECT_EQ(grid_size({}, 100), 1);
  EXPECT_EQ(grid_size(two, 100), 6);
  EXPECT_EQ(grid_size(two, 6), 6);
  EXPECT_EQ(grid_size(two, 5), 5);
  const std::vector<Variation> many(200, two[0]);  // 3 to the 200th
  EXPECT_EQ(grid_size(many, 1'000'000), 1'000'000);
}

TEST(Grid, MistakesAreRefused) {
  EXPECT_EQ(refusal({"heads"}), "--vary heads: expected name=value,value…");
  EXPECT_EQ(refusal({"haeds=1,2"}), "--vary haeds: there is no such option; did you mean heads?");
  EXPECT_EQ(refusal({"heads=1,x"}), "--vary heads: \"x\" is not a whole number");
  EXPECT_EQ(refusal({"heads=1,"}), "--vary heads: \"\" is not a whole number");
  EXPECT_EQ(refusal({"lr=0.001,1e-3"}), "--vary lr: 0.001 stands there twice") << "equal once in canonical form";
  EXPECT_EQ(refusal({"heads=1", "heads=2"}), "--vary heads: is varied twice");
  EXPECT_EQ(refusal({"threads=1,2"}), "--vary threads: this option cannot be varied");
  EXPECT_EQ(refusal({"out=a,b"}), "--vary out: this option cannot be varied");
  EXPECT_THAT(refusal({"seed=1,2"}), testing::HasSubstr("--seeds"));
}

TEST(Grid, CommasWithinParenthesesBelongToTheValue) {
  const Variation masks = parse_variation("attention-mask=window(3, 1),causal,window(2, 0) | prefix(4)");
  ASSERT_EQ(masks.values.size(), 3U);
  EXPECT_EQ(masks.values[0], "window(3, 1)");
  EXPECT_EQ(masks.values[2], "window(2, 0) | prefix(4)");
}

}  // namespace
}  // namespace tapehead
