#include "experiments/heat_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "autograd/base/text.hpp"
#include "experiments/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kWidestCell = 6;

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

std::vector<std::string> numbered(std::vector<std::string> labels, std::int64_t count) {
  if (labels.empty()) {
    for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("{}", i));
  }
  labels.resize(static_cast<std::size_t>(count));
  for (std::string& label : labels) label = printable(label);
  return labels;
}

std::size_t widest(const std::vector<std::string>& labels) {
  std::size_t width = 0;
  for (const std::string& label : labels) width = std::max(width, text_width(label));
  return width;
}

bool environment_says(const char* name, std::string_view value) {
  const char* found = std::getenv(name);
  return found != nullptr && (value.empty() ? *found != '\0' : found == value);
}

}  // namespace

HeatMapStyle heat_map_style(const std::string& color, bool terminal) {
  if (color == "always") return HeatMapStyle::color;
  if (color == "never" || !terminal || environment_says("TERM", "dumb")) return HeatMapStyle::ascii;
  return environment_says("NO_COLOR", "") ? HeatMapStyle::shade : HeatMapStyle::color;
}

std::string draw_heat_map(const Matrix& weights, const HeatMapLabels& labels, HeatMapStyle style) {
  const std::vector<std::string> rows = numbered(labels.rows, weights.rows);
  const std::vector<std::string> columns = numbered(labels.columns, weights.columns);
  const std::size_t margin = widest(rows);
  const std::size_t width = std::clamp<std::size_t>(widest(columns) + 1, 2, kWidestCell);

  std::string text(margin + 1, ' ');
  for (const std::string& label : columns) text += padded_right(shortened(label, width - 1), width);
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
  for (std::int64_t r = 0; r < weights.rows; ++r) {
    text += padded_left(rows[static_cast<std::size_t>(r)], margin) + " ";
    for (std::int64_t c = 0; c < weights.columns; ++c) text += cell(weights(r, c), width, style);
    // A dark map in plain characters has an edge, so that one sees where it ends.
    text += style == HeatMapStyle::color ? "\n" : "|\n";
  }
  return text + legend(margin + 1, style);
}

}  // namespace tapehead
