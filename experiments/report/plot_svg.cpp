#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "experiments/report/plot.hpp"
#include "experiments/report/svg.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr double kFieldWidth = 480;
constexpr double kFieldHeight = 300;
constexpr double kKeyWidth = 32;  // of a line in the list beside the field
constexpr int kMostTicks = 9;
// Told apart by those who see no red or no green, and in grey (Okabe & Ito 2008, "Color universal design").
constexpr std::array<const char*, 6> kColors{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

// How a line is drawn. A later one lies above those before it: its gaps, and the larger marks below its own, leave
// these to be seen where both are the same.
struct Pen {
  const char* color;
  const char* dashes;
  double mark;  // radius

  std::string stroke() const {
    const std::string gaps = *dashes == '\0' ? "" : fmt::format(" stroke-dasharray=\"{}\"", dashes);
    return fmt::format(" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"{}/>\n", color, gaps);
  }
};

Pen pen_of(std::size_t line) {
  constexpr std::array<const char*, 4> kDashes{"", "8 6", "2 5", "10 3 2 3"};
  return {kColors[line % kColors.size()], kDashes[line % kDashes.size()],
          std::max(2.0, 4.4 - 0.8 * static_cast<double>(line))};
}

struct Field {
  PlotScale x_scale, y_scale;
  double left, top;

  double x(double number) const { return left + kFieldWidth * x_scale.share(number); }
  double y(double number) const { return top + kFieldHeight * (1 - y_scale.share(number)); }
};

Field field_of(const Plot& plot, double y0) {
  std::vector<double> xs, ys;
  for (const PlotLine& line : plot.lines) {
    for (const auto& point : line.points) {
      if (!can_be_drawn(plot, point)) continue;
      xs.push_back(point.first);
      ys.push_back(point.second);
    }
  }
  Field field{.x_scale = plot_scale(xs, plot.x.logarithmic, kMostTicks),
              .y_scale = plot_scale(ys, plot.y.logarithmic, kMostTicks),
              .left = 0,
              .top = y0 + 3 * kSvgLine};
  std::size_t widest = 0;
  for (const double tick : field.y_scale.ticks) widest = std::max(widest, field.y_scale.label(tick).size());
  field.left = kSvgMargin + kSvgLine + kSvgLetter * static_cast<double>(widest) + 8;
  return field;
}

std::string rule(double x1, double y1, double x2, double y2) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#dddddd\"/>\n", x1, y1, x2,
                     y2);
}

std::string axes(const Plot& plot, const Field& field) {
  const double right = field.left + kFieldWidth;
  const double bottom = field.top + kFieldHeight;
  std::string svg;
  for (const double tick : field.x_scale.ticks) {
    const double x = field.left + kFieldWidth * (tick - field.x_scale.low) / (field.x_scale.high - field.x_scale.low);
    svg += rule(x, field.top, x, bottom);
    svg += svg_text(x, bottom + 16, field.x_scale.label(tick), " text-anchor=\"middle\"");
  }
  for (const double tick : field.y_scale.ticks) {
    const double y = bottom - kFieldHeight * (tick - field.y_scale.low) / (field.y_scale.high - field.y_scale.low);
    svg += rule(field.left, y, right, y);
    svg += svg_text(field.left - 6, y + 4, field.y_scale.label(tick), " text-anchor=\"end\"");
  }
  svg += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" stroke=\"#888888\"/>\n",
      field.left, field.top, kFieldWidth, kFieldHeight);
  const double middle = field.top + kFieldHeight / 2;
  svg += svg_text(field.left + kFieldWidth / 2, bottom + 16 + kSvgLine, plot.x.name,
                  " text-anchor=\"middle\" fill=\"#555\"");
  return svg + svg_text(kSvgMargin + 10, middle, plot.y.name,
                        fmt::format(" text-anchor=\"middle\" fill=\"#555\" transform=\"rotate(-90 {:.1f} {:.1f})\"",
                                    kSvgMargin + 10, middle));
}

std::string drawn(const Plot& plot, const PlotLine& line, const Field& field, const Pen& pen) {
  std::string path, marks;
  for (const auto& point : line.points) {
    if (!can_be_drawn(plot, point)) continue;
    const double x = field.x(point.first);
    const double y = field.y(point.second);
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
    marks += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"><title>{}: {} {:.4g}, {} "
        "{:.4g}</title></circle>\n",
        x, y, pen.mark, pen.color, svg_escaped(line.name), svg_escaped(plot.x.name), point.first,
        svg_escaped(plot.y.name), point.second);
  }
  return fmt::format("<polyline points=\"{}\"{}", path, pen.stroke()) + marks;
}

}  // namespace

std::string plot_svg(const std::vector<Plot>& plots) {
  double y0 = kSvgMargin;
  double width = 0;
  std::string body;
  for (const Plot& plot : plots) {
    const Field field = field_of(plot, y0);
    body += svg_text(kSvgMargin, y0 + 14, plot.title, " font-weight=\"bold\"") + axes(plot, field);
    double legend = field.top + 14;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < plot.lines.size(); ++i, legend += kSvgLine) {
      const PlotLine& line = plot.lines[i];
      const Pen pen = pen_of(i);
      body += drawn(plot, line, field, pen);
      const double x = field.left + kFieldWidth + 16;
      body += fmt::format("<path d=\"M{:.1f},{:.1f}h{:.1f}\"{}", x, legend - 4, kKeyWidth, pen.stroke());
      body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"/>\n", x + kKeyWidth / 2,
                          legend - 4, pen.mark, pen.color);
      body += svg_text(x + kKeyWidth + 8, legend, line.name);
      longest = std::max(longest, text_width(line.name));
    }
    width = std::max({width, field.left + kFieldWidth + 24 + kKeyWidth + kSvgLetter * static_cast<double>(longest),
                      kSvgLetter * static_cast<double>(text_width(plot.title))});
    y0 = std::max(field.top + kFieldHeight + 3 * kSvgLine, legend);
  }
  return svg_page(width + 2 * kSvgMargin, y0, body);
}

}  // namespace tapehead
