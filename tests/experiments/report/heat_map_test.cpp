#include "experiments/report/heat_map.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "experiments/report/heat_map_svg.hpp"

namespace tapehead {
namespace {

Matrix two_by_three() {
  Matrix weights(2, 3);
  weights.values = {1, 0, 0.5, 0.25, 0.75, 0};
  return weights;
}

TEST(HeatMap, AsciiIsDrawnLikeThis) {
  EXPECT_EQ(draw_heat_map(two_by_three(), {}, HeatMapStyle::ascii),
            "  0 1 2\n"
            "0 @@  ++|\n"
            "1 ::##  |\n"
            "  0  .:-=++*#%@ 1\n");
}

TEST(HeatMap, LabelsMakeCellsWiderAndLongOnesAreCut) {
  EXPECT_EQ(draw_heat_map(two_by_three(), {{"да", "нет"}, {"a", "нет", "b"}}, HeatMapStyle::shade),
            "    a   нет b\n"
            " да ████    ▒▒▒▒|\n"
            "нет ░░░░▓▓▓▓    |\n"
            "    0   ░░▒▒▒▓▓██ 1\n");
  EXPECT_TRUE(draw_heat_map(two_by_three(), {{}, {"a", "far_longer_than_a_cell", "b"}}, HeatMapStyle::ascii)
                  .starts_with("  a           far_longer… b\n"));
}

TEST(HeatMap, WhereLinesAreShortCellsAreNarrowAndLabelsTurn) {
  EXPECT_EQ(draw_heat_map(two_by_three(), {{"x", "y"}, {"a", "word", "日本"}}, HeatMapStyle::ascii, 9),
            "    w\n"
            "    o\n"
            "    r 日\n"
            "  a d 本\n"
            "x @@  ++|\n"
            "y ::##  |\n"
            "  0  .:-=++*#%@ 1\n");
}

TEST(HeatMap, WhatStillDoesNotFitIsDrawnInParts) {
  Matrix weights(1, 5);
  weights.values = {0, 1, 0, 1, 0};
  EXPECT_EQ(draw_heat_map(weights, {}, HeatMapStyle::ascii, 10),
            "columns 1 to 3 of 5\n"
            "  0 1 2\n"
            "0   @@  |\n"
            "\n"
            "columns 4 to 5 of 5\n"
            "  3 4\n"
            "0 @@  |\n"
            "  0  .:-=++*#%@ 1\n");
}

TEST(HeatMap, ColorUsesTheEndsOfTheScaleForTheEnds) {
  Matrix ends(1, 2);
  ends.values = {0, 1};
  const std::string drawn = draw_heat_map(ends, {}, HeatMapStyle::color);
  EXPECT_EQ(drawn.substr(0, drawn.find("\n  0")), "  0 1\n0 \x1b[48;5;16m  \x1b[0m\x1b[48;5;229m  \x1b[0m");
}

TEST(HeatMap, ValuesOutsideTheRangeAreDrawnAsItsEnds) {
  Matrix odd(1, 3);
  odd.values = {-3, 7, std::nan("")};
  EXPECT_EQ(draw_heat_map(odd, {}, HeatMapStyle::ascii).substr(8, 10), "0   @@  |\n");
}

TEST(HeatMap, PlainCharactersUnlessOnATerminal) {
  EXPECT_EQ(heat_map_style("auto", false), HeatMapStyle::ascii);
  EXPECT_EQ(heat_map_style("never", true), HeatMapStyle::ascii);
  EXPECT_EQ(heat_map_style("always", false), HeatMapStyle::color);
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(heat_map_style("auto", true), HeatMapStyle::shade);
  unsetenv("NO_COLOR");
  EXPECT_EQ(heat_map_style("auto", true), HeatMapStyle::color);
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(heat_map_style("auto", true), HeatMapStyle::ascii);
}

TEST(HeatMap, SaysWhereNumbersGoBeyondItsShades) {
  Matrix weights = two_by_three();
  EXPECT_EQ(beyond_shades(weights), "");
  weights.values[2] = 1 + 1e-9;  // rounding
  EXPECT_EQ(beyond_shades(weights), "");
  weights.values[2] = -0.25;
  EXPECT_TRUE(draw_heat_map(weights, {}, HeatMapStyle::ascii)
                  .ends_with("from -0.25 to 1; what is below 0 or above 1 is shown as that\n"));
}

// Many maps make a page that is about as high as wide, and none lies on another.
TEST(HeatMapSvg, ManyMapsStandInColumns) {
  const auto size_of = [](const std::string& svg, const char* what) {
    return std::stod(svg.substr(svg.find(std::string(" ") + what + "=\"") + std::string(what).size() + 3));
  };
  const HeatMapPanel panel{.title = "one", .weights = Matrix(6, 6)};
  const std::string few = heat_map_svg(std::vector<HeatMapPanel>(4, panel));
  EXPECT_EQ(few.find("<g "), std::string::npos) << "one below the other";
  const std::string many = heat_map_svg(std::vector<HeatMapPanel>(60, panel));
  EXPECT_LT(size_of(many, "height"), 2 * size_of(many, "width"));
  EXPECT_LT(size_of(many, "width"), 2 * size_of(many, "height"));
  std::set<std::pair<std::string, std::string>> corners;
  std::string column = "0";
  std::size_t titles = 0;
  for (std::size_t at = 0; at < many.size(); at = many.find('\n', at) + 1) {
    const std::string row = many.substr(at, many.find('\n', at) - at);
    if (row.starts_with("<g ")) column = row;
    if (row.starts_with("</g>")) column = "0";
    if (row.find(">one<") == std::string::npos) continue;
    ++titles;
    corners.emplace(column, row);
  }
  EXPECT_EQ(titles, 60U);
  EXPECT_EQ(corners.size(), 60U) << "two maps begin at the same place";
}

}  // namespace
}  // namespace tapehead
