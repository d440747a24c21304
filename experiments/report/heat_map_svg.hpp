#pragma once

#include <string>
#include <vector>

#include "experiments/report/heat_map.hpp"

namespace tapehead {

/// One map of a picture, with a line above it.
struct HeatMapPanel {
  std::string title;
  Matrix weights;  ///< between 0 and 1
  HeatMapLabels labels = {};
  std::string rows_are = {}, columns_are = {};  ///< what stands at its sides: "queries"; empty: nothing is said
};

/// Maps one below the other, many of them in columns, as an SVG picture that needs nothing else: no fonts, no styles,
/// no scripts of elsewhere. Whoever points at a cell is told its row, its column and its number. A marked cell is
/// white, with its mark in grey, or in red if that is an X. Numbers outside 0 and 1 are drawn as the nearest of these,
/// and the title says so. Labels of columns are turned where they are wider than a cell; long ones are cut.
std::string heat_map_svg(std::vector<HeatMapPanel> panels);

}  // namespace tapehead
