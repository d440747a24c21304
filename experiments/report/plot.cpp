#include "experiments/report/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::size_t kNarrowest = 16;  // of the field of a plot, whatever the width
constexpr int kFewRows = 4;             // between ticks of the y axis

// 1, 2 or 5 times a power of ten: the smallest step that makes no more than `most` ticks of a span.
double step_of(double span, int most) {
  double step = std::pow(10.0, std::floor(std::log10(span / most)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (span / (step * factor) <= most) return step * factor;
  }
  return 10 * step;
}

std::size_t cell_of(double share, std::size_t cells) {
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(cells - 1)));
}

// "1e-6      1e-3        1" below the field, each label under its tick, none over another.
std::string tick_line(const PlotScale& scale, std::size_t width) {
  std::string line(width, ' ');
  std::size_t from = 0;
  for (const double tick : scale.ticks) {
    const std::string label = scale.label(tick);
    const std::size_t middle = cell_of((tick - scale.low) / (scale.high - scale.low), width);
    const std::size_t half = label.size() / 2;
    const std::size_t begin = std::min(middle > half ? middle - half : 0, width - std::min(width, label.size()));
    if (begin < from || begin + label.size() > width) continue;
    line.replace(begin, label.size(), label);
    from = begin + label.size() + 1;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

double PlotScale::share(double number) const {
  return ((logarithmic ? std::log10(number) : number) - low) / (high - low);
}

std::string PlotScale::label(double tick) const {
  if (logarithmic)
    return tick >= -2 && tick <= 3 ? fmt::format("{:g}", std::pow(10.0, tick)) : fmt::format("1e{:g}", tick);
  return fmt::format("{:.6g}", std::abs(tick) < 1e-9 * (high - low) ? 0.0 : tick);
}

PlotScale plot_scale(const std::vector<double>& numbers, bool logarithmic, int most) {
  PlotScale scale;
  scale.logarithmic = logarithmic;
  std::vector<double> drawn;
  for (const double number : numbers) {
    if (std::isfinite(number) && (!logarithmic || number > 0))
      drawn.push_back(logarithmic ? std::log10(number) : number);
  }
  if (!drawn.empty()) {
    const auto [low, high] = std::ranges::minmax(drawn);
    const double apart = high > low ? high - low : std::max(1.0, std::abs(low));
    double step = step_of(apart, std::max(1, most - 1));
    if (logarithmic) step = std::max(1.0, std::ceil(step));
    scale.low = step * std::floor(low / step);
    scale.high = step * std::ceil(high / step);
    if (scale.low == scale.high) scale.high += step;
    for (double tick = scale.low; tick <= scale.high + step / 2; tick += step) scale.ticks.push_back(tick);
  } else {
    scale.ticks = {0, 1};
  }
  return scale;
}

bool can_be_drawn(const Plot& plot, std::pair<double, double> point) {
  const auto can = [](double number, const PlotAxis& axis) {
    return std::isfinite(number) && (!axis.logarithmic || number > 0);
  };
  return can(point.first, plot.x) && can(point.second, plot.y);
}

std::string draw_plot(const Plot& plot, std::size_t width, std::size_t height) {
  std::vector<double> xs, ys;
  for (const PlotLine& line : plot.lines) {
    for (const auto& point : line.points) {
      if (!can_be_drawn(plot, point)) continue;
      xs.push_back(point.first);
      ys.push_back(point.second);
    }
  }
  const PlotScale y = plot_scale(ys, plot.y.logarithmic, static_cast<int>(height) / kFewRows + 1);
  std::size_t left = 0;
  for (const double tick : y.ticks) left = std::max(left, y.label(tick).size());
  const std::size_t columns = std::max(kNarrowest, width > left + 3 ? width - left - 3 : 0);
  const PlotScale x = plot_scale(xs, plot.x.logarithmic, static_cast<int>(columns / 8));

  std::vector<std::string> field(height, std::string(columns, ' '));
  char letter = 'a';
  for (const PlotLine& line : plot.lines) {
    for (const auto& point : line.points) {
      if (!can_be_drawn(plot, point)) continue;
      field[height - 1 - cell_of(y.share(point.second), height)][cell_of(x.share(point.first), columns)] = letter;
    }
    ++letter;
  }
  std::vector<std::string> labels(height);
  for (const double tick : y.ticks) {
    labels[height - 1 - cell_of((tick - y.low) / (y.high - y.low), height)] = y.label(tick);
  }
  std::string text = plot.title.empty() ? std::string() : wrapped(plot.title, width) + "\n";
  text += plot.y.name + "\n";
  for (std::size_t row = 0; row < height; ++row) {
    std::string line = padded_left(labels[row], left) + (labels[row].empty() ? " |" : " +") + field[row];
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  text += std::string(left + 1, ' ') + "+" + std::string(columns, '-') + "\n";
  text += std::string(left + 2, ' ') + tick_line(x, columns) + "\n";
  text += padded_left(plot.x.name, std::max(left + 2 + columns, text_width(plot.x.name))) + "\n";
  letter = 'a';
  for (const PlotLine& line : plot.lines)
    text += wrapped(fmt::format("  {}  {}", letter++, line.name), width, 5) + "\n";
  return text;
}

}  // namespace tapehead
