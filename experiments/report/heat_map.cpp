#include "experiments/report/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "autograd/base/text.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kNarrowestCell = 2;
constexpr std::size_t kWidestCell = 12;
constexpr std::size_t kTallestLabel = 8;

constexpr auto kAscii = std::to_array<std::string_view>({" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"});
constexpr auto kShades = std::to_array<std::string_view>({" ", "░", "▒", "▓", "█"});
// Dark violet to bright yellow in steps of even lightness, from the 6×6×6 cube of the 256 colours.
constexpr auto kColors = std::to_array<int>({16, 17, 54, 91, 127, 162, 167, 209, 215, 221, 229});

template <class Steps>
std::size_t step_of(double weight, const Steps& steps) {
  const double clamped = std::clamp(std::isnan(weight) ? 0.0 : weight, 0.0, 1.0);
  return static_cast<std::size_t>(std::lround(clamped * static_cast<double>(steps.size() - 1)));
}

std::string cell(double weight, std::size_t width, HeatMapStyle style) {
  if (style == HeatMapStyle::color) {
    return fmt::format("\x1b[48;5;{}m{}\x1b[0m", kColors[step_of(weight, kColors)], std::string(width, ' '));
  }
  const std::string_view shade =
      style == HeatMapStyle::shade ? kShades[step_of(weight, kShades)] : kAscii[step_of(weight, kAscii)];
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += shade;
  return text;
}

std::string legend(std::size_t indent, HeatMapStyle style) {
  std::string text = std::string(indent, ' ') + "0 ";
  for (int i = 0; i <= 10; ++i) text += cell(i / 10.0, 1, style);
  return text + " 1\n";
}

std::size_t widest(const std::vector<std::string>& labels) {
  std::size_t width = 0;
  for (const std::string& label : labels) width = std::max(width, text_width(label));
  return width;
}

// How a map is laid out in lines of some width.
struct Fit {
  std::size_t margin = 0;    // of the labels of rows
  std::size_t cell = 0;      // width of a cell
  std::int64_t columns = 0;  // in one part of the map
  bool turned = false;       // labels of columns are written downwards
};

Fit fit_into(std::size_t width, std::size_t row_label, std::size_t column_label, std::int64_t columns) {
  constexpr std::size_t edges = 2;  // a space before the cells and an edge behind them
  const std::size_t wanted = std::clamp<std::size_t>(column_label + 1, kNarrowestCell, kWidestCell);
  const auto count = static_cast<std::size_t>(columns);
  Fit fit{.margin = row_label, .cell = wanted, .columns = columns};
  if (fit.margin + edges + count * wanted <= width) return fit;
  fit.margin = std::min(fit.margin, std::max<std::size_t>(width / 4, 4));
  const std::size_t room = std::max(width, fit.margin + edges + kNarrowestCell) - fit.margin - edges;
  fit.cell = std::clamp(room / count, kNarrowestCell, wanted);
  const auto at_once = static_cast<std::int64_t>(room / fit.cell);
  const std::int64_t parts = (columns + at_once - 1) / at_once;  // of equal sizes, nearly
  fit.columns = (columns + parts - 1) / parts;
  fit.turned = column_label + 1 > fit.cell;
  return fit;
}

std::string heading(const std::vector<std::string>& labels, const Fit& fit) {
  std::vector<std::string> lines(1, std::string(fit.margin + 1, ' '));
  if (!fit.turned) {
    for (const std::string& label : labels) lines[0] += padded_right(shortened(label, fit.cell - 1), fit.cell);
  } else {
    const std::size_t height = std::min(widest(labels), kTallestLabel);
    lines.assign(height, std::string(fit.margin + 1, ' '));
    for (const std::string& label : labels) {
      const std::string shown = shortened(label, height);
      const std::vector<std::string_view> letters = characters(shown);
      const std::size_t above = height - std::min(height, letters.size());  // labels stand on the map
      for (std::size_t i = 0; i < height; ++i) lines[i] += padded_right(i < above ? "" : letters[i - above], fit.cell);
    }
  }
  std::string text;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

bool environment_says(const char* name, std::string_view value) {
  const char* found = std::getenv(name);
  return found != nullptr && (value.empty() ? *found != '\0' : found == value);
}

}  // namespace

std::vector<std::string> shown_labels(std::vector<std::string> labels, std::int64_t count) {
  if (labels.empty()) {
    for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("{}", i));
  }
  labels.resize(static_cast<std::size_t>(count));
  for (std::string& label : labels) label = printable(label);
  return labels;
}

HeatMapStyle heat_map_style(const std::string& color, bool terminal) {
  if (color == "always") return HeatMapStyle::color;
  if (color == "never" || !terminal || environment_says("TERM", "dumb")) return HeatMapStyle::ascii;
  return environment_says("NO_COLOR", "") ? HeatMapStyle::shade : HeatMapStyle::color;
}

HeatMapLabels mask_labels(const Matrix& allowed, HeatMapLabels labels) {
  labels.marks.clear();
  for (const double a : allowed.values) labels.marks += a != 0 ? HeatMapLabels::kShade : '.';
  labels.legend = false;
  return labels;
}

std::string beyond_shades(const Matrix& weights) {
  constexpr double kRounding = 1e-6;  // of single precision
  double low = 0;
  double high = 1;
  for (const double weight : weights.values) {
    low = std::min(low, weight);  // what is no number is neither
    high = std::max(high, weight);
  }
  if (low >= -kRounding && high <= 1 + kRounding) return {};
  const auto [least, most] = std::ranges::minmax(weights.values);
  return fmt::format("from {:.3g} to {:.3g}; what is below 0 or above 1 is shown as that", least, most);
}

std::string draw_heat_map(const Matrix& weights, const HeatMapLabels& labels, HeatMapStyle style, std::size_t width) {
  const std::vector<std::string> columns = shown_labels(labels.columns, weights.columns);
  std::vector<std::string> rows = shown_labels(labels.rows, weights.rows);
  const Fit fit = fit_into(width, widest(rows), widest(columns), weights.columns);
  for (std::string& row : rows) row = shortened(row, fit.margin);

  std::string text;
  for (std::int64_t first = 0; first < weights.columns; first += fit.columns) {
    const std::int64_t last = std::min(first + fit.columns, weights.columns);
    if (fit.columns < weights.columns) {
      text += fmt::format("{}columns {} to {} of {}\n", first > 0 ? "\n" : "", first + 1, last, weights.columns);
    }
    const auto begin = columns.begin() + first;
    text += heading({begin, begin + (last - first)}, fit);
    for (std::int64_t r = 0; r < weights.rows; ++r) {
      text += padded_left(rows[static_cast<std::size_t>(r)], fit.margin) + " ";
      for (std::int64_t c = first; c < last; ++c) {
        const char mark = labels.marks.empty() ? HeatMapLabels::kShade
                                               : labels.marks.at(static_cast<std::size_t>(r * weights.columns + c));
        text += mark == HeatMapLabels::kShade ? cell(weights(r, c), fit.cell, style) : std::string(fit.cell, mark);
      }
      // A dark map in plain characters has an edge, so that one sees where it ends.
      text += style == HeatMapStyle::color ? "\n" : "|\n";
    }
  }
  if (!labels.legend) return text;
  text += legend(fit.margin + 1, style);
  if (const std::string beyond = beyond_shades(weights); !beyond.empty()) text += wrapped(beyond, width) + "\n";
  return text;
}

}  // namespace tapehead
