#include "experiments/report/heat_map_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/report/svg.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr double kLargestMap = 720;
constexpr std::size_t kLongestLabel = 18;

struct Color {
  double red, green, blue;
};
// Dark violet to bright yellow, each a little lighter than the one before: the lightness says the number in grey, too.
constexpr std::array<Color, 6> kColors{Color{13, 8, 80}, {92, 1, 166},   {168, 34, 150},
                                       {218, 87, 110},   {248, 149, 64}, {240, 249, 33}};

std::string color_of(double weight) {
  const double at = std::clamp(std::isnan(weight) ? 0.0 : weight, 0.0, 1.0) * (kColors.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(at), kColors.size() - 2);
  const double share = at - static_cast<double>(below);
  const auto mix = [&](double Color::*part) {
    return static_cast<int>(std::lround((1 - share) * kColors[below].*part + share * kColors[below + 1].*part));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(&Color::red), mix(&Color::green), mix(&Color::blue));
}

double widest(const std::vector<std::string>& labels) {
  std::size_t width = 0;
  for (const std::string& label : labels) width = std::max(width, text_width(label));
  return kSvgLetter * static_cast<double>(width);
}

std::vector<std::string> cut(std::vector<std::string> labels) {
  for (std::string& label : labels) label = shortened(label, kLongestLabel);
  return labels;
}

// Where the parts of a panel lie, from its own corner.
struct Place {
  explicit Place(const HeatMapPanel& panel)
      : rows(shown_labels(panel.labels.rows, panel.weights.rows)),
        columns(shown_labels(panel.labels.columns, panel.weights.columns)) {
    const auto most = static_cast<double>(std::max({panel.weights.rows, panel.weights.columns, std::int64_t{1}}));
    cell = std::clamp(kLargestMap / most, 4.0, 32.0);
    turned = widest(cut(columns)) + 4 > cell;
    left = widest(cut(rows)) + 8 + (panel.rows_are.empty() ? 0 : kSvgLine);
    top = 2 * kSvgLine + (panel.columns_are.empty() ? 0 : kSvgLine) + (turned ? widest(cut(columns)) + 6 : kSvgLine);
    map_width = cell * static_cast<double>(panel.weights.columns);
    map_height = cell * static_cast<double>(panel.weights.rows);
    width = std::max(left + map_width, kSvgLetter * static_cast<double>(text_width(panel.title)));
    height = top + map_height + kSvgLine;
  }

  std::vector<std::string> rows, columns;
  double cell = 0, left = 0, top = 0, map_width = 0, map_height = 0, width = 0, height = 0;
  bool turned = false;
};

// Small cells have labels at some of their rows only.
std::int64_t every(double cell) { return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(12 / cell))); }

std::string drawn(const HeatMapPanel& panel, const Place& at, double y0) {
  const double x = kSvgMargin + at.left;
  const double y = y0 + at.top;
  std::string svg = svg_text(kSvgMargin, y0 + 14, panel.title, " font-weight=\"bold\"");
  if (!panel.columns_are.empty()) {
    svg +=
        svg_text(x + at.map_width / 2, y0 + 14 + kSvgLine, panel.columns_are, " text-anchor=\"middle\" fill=\"#555\"");
  }
  if (!panel.rows_are.empty()) {
    const double middle = y + at.map_height / 2;
    svg += svg_text(kSvgMargin + 12, middle, panel.rows_are,
                    fmt::format(" text-anchor=\"middle\" fill=\"#555\" transform=\"rotate(-90 {:.1f} {:.1f})\"",
                                kSvgMargin + 12, middle));
  }
  const std::vector<std::string> rows = cut(at.rows);
  const std::vector<std::string> columns = cut(at.columns);
  const std::int64_t step = every(at.cell);
  for (std::int64_t c = 0; c < panel.weights.columns; c += step) {
    const double middle = x + (static_cast<double>(c) + 0.5) * at.cell;
    const std::string& label = columns[static_cast<std::size_t>(c)];
    svg += at.turned ? svg_text(middle + 4, y - 6, label,
                                fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", middle + 4, y - 6))
                     : svg_text(middle, y - 6, label, " text-anchor=\"middle\"");
  }
  for (std::int64_t r = 0; r < panel.weights.rows; ++r) {
    const double row_y = y + static_cast<double>(r) * at.cell;
    if (r % step == 0) {
      svg += svg_text(x - 6, row_y + at.cell / 2 + 4, rows[static_cast<std::size_t>(r)], " text-anchor=\"end\"");
    }
    for (std::int64_t c = 0; c < panel.weights.columns; ++c) {
      const char mark = panel.labels.marks.empty()
                            ? HeatMapLabels::kShade
                            : panel.labels.marks.at(static_cast<std::size_t>(r * panel.weights.columns + c));
      const double cell_x = x + static_cast<double>(c) * at.cell;
      const bool shade = mark == HeatMapLabels::kShade;
      const std::string said =
          fmt::format("{}, {}{}", at.rows[static_cast<std::size_t>(r)], at.columns[static_cast<std::size_t>(c)],
                      shade ? fmt::format(": {:.4g}", panel.weights(r, c)) : std::string());
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"><title>{}</title></rect>\n",
          cell_x, row_y, at.cell, at.cell, shade ? color_of(panel.weights(r, c)) : "#ffffff", svg_escaped(said));
      if (shade || mark == ' ') continue;
      svg += svg_text(cell_x + at.cell / 2, row_y + at.cell / 2 + 5, std::string(1, mark),
                      mark == 'X' ? " text-anchor=\"middle\" fill=\"#d00000\" font-weight=\"bold\""
                                  : " text-anchor=\"middle\" fill=\"#888888\"");
    }
  }
  return svg + fmt::format(
                   "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" "
                   "stroke=\"#888888\"/>\n",
                   x, y, at.map_width, at.map_height);
}

// How many maps stand side by side, and how far apart they begin.
struct Grid {
  std::size_t columns = 1;
  double pitch = 0;
};

// One below the other, unless that is long: then as high as wide, about.
Grid grid_of(const std::vector<Place>& places) {
  constexpr double kLong = 3000;
  double height = 0, widest = 0, highest = 0;
  for (const Place& place : places) {
    height += place.height;
    widest = std::max(widest, place.width + 2 * kSvgMargin);
    highest = std::max(highest, place.height);
  }
  if (height <= kLong) return {1, widest};
  const auto count = static_cast<double>(places.size());
  return {static_cast<std::size_t>(std::ceil(std::sqrt(count * highest / widest))), widest};
}

std::string legend(double y) {
  constexpr int kSteps = 40;
  constexpr double kWidth = 4;
  std::string svg = svg_text(kSvgMargin, y + 12, "0");
  for (int i = 0; i <= kSteps; ++i) {
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"12\" fill=\"{}\"/>\n",
                       kSvgMargin + 14 + kWidth * i, y + 2, kWidth + 0.5, color_of(static_cast<double>(i) / kSteps));
  }
  return svg + svg_text(kSvgMargin + 20 + kWidth * (kSteps + 1), y + 12, "1");
}

}  // namespace

std::string heat_map_svg(std::vector<HeatMapPanel> panels) {
  for (HeatMapPanel& panel : panels) {
    if (const std::string beyond = beyond_shades(panel.weights); !beyond.empty()) panel.title += " (" + beyond + ")";
  }
  std::vector<Place> places;
  for (const HeatMapPanel& panel : panels) places.emplace_back(panel);
  const Grid grid = grid_of(places);
  double width = 220;
  double height = kSvgMargin;
  std::string body;
  for (std::size_t first = 0; first < panels.size(); first += grid.columns) {
    double highest = 0;
    for (std::size_t i = first; i < std::min(first + grid.columns, panels.size()); ++i) {
      const double x = static_cast<double>(i - first) * grid.pitch;
      const std::string map = drawn(panels[i], places[i], height);
      body += x == 0 ? map : fmt::format("<g transform=\"translate({:.1f} 0)\">\n{}</g>\n", x, map);
      width = std::max(width, x + places[i].width);
      highest = std::max(highest, places[i].height);
    }
    height += highest;
  }
  body += legend(height);
  height += kSvgLine + kSvgMargin;
  return svg_page(width + 2 * kSvgMargin, height, body);
}

}  // namespace tapehead
