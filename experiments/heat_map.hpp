#pragma once

#include <string>
#include <vector>

#include "experiments/matrix.hpp"

namespace tapehead {

enum class HeatMapStyle {
  ascii,  ///< shades of ASCII characters, for files and plain terminals
  shade,  ///< Unicode shades
  color,  ///< ANSI backgrounds of 256 colours
};

/// `auto`, `always` or `never` of the option --color. `auto` looks at the terminal and at NO_COLOR and TERM.
HeatMapStyle heat_map_style(const std::string& color, bool terminal);

struct HeatMapLabels {
  std::vector<std::string> rows;     ///< one a row; empty: numbers from 0
  std::vector<std::string> columns;  ///< one a column; empty: numbers from 0
};

/// Draws weights between 0 and 1, a row a line: for attention, rows are queries and columns keys. Ends with a line that
/// explains the shades. Values outside are drawn as the nearest end.
std::string draw_heat_map(const Matrix& weights, const HeatMapLabels& labels, HeatMapStyle style);

}  // namespace tapehead
