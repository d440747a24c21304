#pragma once

#include <string>
#include <vector>

#include "experiments/analysis/matrix.hpp"

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
  /// One a cell, row by row, or none at all: what stands there in place of a shade, kShade where the shade does.
  std::string marks = {};
  bool legend = true;  ///< whether a line below explains the shades

  static constexpr char kShade = '\0';
};

/// Labels as maps show them: numbers from 0 if there are none, and nothing that a terminal would act on.
std::vector<std::string> shown_labels(std::vector<std::string> labels, std::int64_t count);

/// "from -0.31 to 2.1; what is below 0 or above 1 is shown as that": what shades cannot say of some weights, as those
/// of a linear attention; empty if they say all.
std::string beyond_shades(const Matrix& weights);

/// Draws weights between 0 and 1, a row a line: for attention, rows are queries and columns keys. Ends with a line that
/// explains the shades, unless that is not wanted. Values outside are drawn as the nearest end, and a line says so.
/// Where lines would be longer than `width`, cells are narrower and labels of columns are written downwards; what still
/// does not fit is drawn in parts, one below the other. Labels that are too long are cut and end in `…`.
std::string draw_heat_map(const Matrix& weights, const HeatMapLabels& labels, HeatMapStyle style,
                          std::size_t width = 80);

/// A map of what a mask allows: 1 where a query may attend, 0 where it may not.
HeatMapLabels mask_labels(const Matrix& allowed, HeatMapLabels labels = {});

}  // namespace tapehead
