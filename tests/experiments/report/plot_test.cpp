#include "experiments/report/plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> labels(const PlotScale& scale) {
  std::vector<std::string> all;
  for (const double tick : scale.ticks) all.push_back(scale.label(tick));
  return all;
}

TEST(Plot, AxesAreMarkedAtRoundNumbers) {
  EXPECT_THAT(labels(plot_scale({0.13, 0.87}, false, 6)), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(labels(plot_scale({-3, 12}, false, 5)), ElementsAre("-5", "0", "5", "10", "15"));
  EXPECT_THAT(labels(plot_scale({3e-7, 0.2}, true, 5)), ElementsAre("1e-8", "1e-6", "1e-4", "0.01", "1"));
  EXPECT_THAT(labels(plot_scale({7}, false, 3)), ElementsAre("5", "10"));
  EXPECT_THAT(labels(plot_scale({}, true, 3)), ElementsAre("1", "10"));
}

TEST(Plot, EveryNumberLiesWithinItsAxis) {
  for (const bool logarithmic : {false, true}) {
    for (const std::vector<double>& numbers :
         {std::vector<double>{1, 2, 3}, {1e-300, 1e300}, {5, 5}, {0.1, 1000}, {99.999, 100.001}}) {
      const PlotScale scale = plot_scale(numbers, logarithmic, 7);
      EXPECT_LE(scale.ticks.size(), 8U);
      for (const double number : numbers) {
        EXPECT_GE(scale.share(number), 0);
        EXPECT_LE(scale.share(number), 1);
      }
    }
  }
}

Plot line() {
  return {
      .title = "a line",
      .x = {.name = "h", .logarithmic = true},
      .y = {.name = "left", .logarithmic = true},
      .lines = {{"falls", {{1, 1}, {0.1, 0.01}, {0.01, 1e-4}, {0.001, 0}, {std::nan(""), 1}}}, {"stays", {{1, 1e-4}}}}};
}

TEST(Plot, IsDrawnLikeThis) {
  EXPECT_EQ(draw_plot(line(), 24, 9),
            "a line\n"
            "left\n"
            "   1 +                a\n"
            "     |\n"
            "     |\n"
            "     |\n"
            "0.01 +        a\n"
            "     |\n"
            "     |\n"
            "     |\n"
            "1e-4 +a               b\n"
            "     +-----------------\n"
            "      0.01            1\n"
            "                      h\n"
            "  a  falls\n"
            "  b  stays\n");
}

TEST(Plot, NoLineIsLongerThanTheTerminal) {
  for (const std::size_t width : {24U, 40U, 80U, 120U}) {
    const std::string text = draw_plot(line(), width);
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
      EXPECT_LE(text.find('\n', begin) - begin, width) << text;
    }
  }
}

TEST(Plot, ThePictureHoldsEveryPointThatCanBeDrawn) {
  Plot plot = line();
  plot.lines[0].name = "<&>";
  const std::string svg = plot_svg({plot, plot});
  std::size_t points = 0;
  for (std::size_t at = svg.find("<title>"); at != std::string::npos; at = svg.find("<title>", at + 1)) ++points;
  EXPECT_EQ(points, 2U * 4);
  EXPECT_THAT(svg, HasSubstr("&lt;&amp;&gt;: h 0.1, left 0.01"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

// A line that lies under another is seen through its gaps and around its marks.
TEST(Plot, InThePictureNoLineHidesAnother) {
  Plot plot = line();
  plot.lines.resize(1);
  while (plot.lines.size() < 4) plot.lines.push_back(plot.lines.front());
  const std::string svg = plot_svg({plot});
  std::vector<std::string> dashes;
  std::vector<double> marks;
  for (std::size_t at = svg.find("<polyline"); at != std::string::npos; at = svg.find("<polyline", at + 1)) {
    const std::string element = svg.substr(at, svg.find('>', at) - at);
    const std::size_t gaps = element.find("stroke-dasharray=\"");
    dashes.push_back(gaps == std::string::npos ? "" : element.substr(gaps, element.find('"', gaps + 18) - gaps));
    marks.push_back(std::stod(svg.substr(svg.find(" r=\"", at) + 4)));
  }
  ASSERT_EQ(dashes.size(), 4U);
  EXPECT_EQ(dashes.front(), "");
  for (std::size_t later = 1; later < 4; ++later) {
    EXPECT_NE(dashes[later], "") << "it would hide the one before";
    EXPECT_EQ(std::ranges::count(dashes, dashes[later]), 1);
    EXPECT_LT(marks[later], marks[later - 1]);
  }
}

}  // namespace
}  // namespace tapehead
