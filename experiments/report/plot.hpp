#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tapehead {

/// Points joined by a line, in the order of x.
struct PlotLine {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

struct PlotAxis {
  std::string name;
  bool logarithmic = false;  ///< then what is not above zero is left out
};

/// Lines over common axes.
struct Plot {
  std::string title;
  PlotAxis x, y;
  std::vector<PlotLine> lines;
};

/// Where an axis begins and ends, and where it is marked: powers of ten on a logarithmic one, else 1, 2 or 5 times a
/// power of ten apart. Positions are of what is drawn: log₁₀ x on a logarithmic axis.
struct PlotScale {
  double low = 0, high = 1;
  std::vector<double> ticks;
  bool logarithmic = false;

  /// How far along the axis a number lies: 0 at its beginning, 1 at its end.
  double share(double number) const;
  /// "0.25", "1e-6": what stands at a tick.
  std::string label(double tick) const;
};

/// Of all numbers that can be drawn; `most` ticks at most. From 0 to 1 if there are none.
PlotScale plot_scale(const std::vector<double>& numbers, bool logarithmic, int most);

/// Whether a point can be drawn: finite, and above zero where an axis is logarithmic.
bool can_be_drawn(const Plot& plot, std::pair<double, double> point);

/// Drawn with characters, in lines of at most `width`: each line of the plot by a letter, a, b, c …, which a list below
/// explains; where two meet, the later one is seen.
std::string draw_plot(const Plot& plot, std::size_t width = 80, std::size_t height = 16);

/// Plots one below the other as an SVG picture that needs nothing else. Whoever points at a point is told its numbers.
std::string plot_svg(const std::vector<Plot>& plots);

}  // namespace tapehead
