#include "experiments/analysis/taylor_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "autograd/base/counted.hpp"
#include "experiments/analysis/gradcheck_report.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/plot.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr std::array<const char*, 3> kLines{"values alone", "with gradient", "with Hessian"};
constexpr std::array<const char*, 3> kTitles{"values", "gradient", "Hessian"};  // of columns, where room is scarce

// What some tests show together.
struct Row {
  std::string name;
  std::int64_t cases = 0;
  std::array<double, 3> slopes = {Derivative::kNotTaken, Derivative::kNotTaken, Derivative::kNotTaken};
  std::int64_t failed = 0, inconclusive = 0;

  void add(const TaylorTest& test) {
    ++cases;
    failed += test.verdict() == Verdict::fail;
    inconclusive += test.verdict() == Verdict::inconclusive;
    const std::array<double, 3> found = test.slopes();
    for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = std::fmin(slopes[i], found[i]);  // a number before none
  }

  std::vector<std::string> cells() const {
    std::vector<std::string> cells{name, fmt::format("{}", cases)};
    for (const double slope : slopes) cells.push_back(std::isnan(slope) ? "–" : fmt::format("{:.2f}", slope));
    cells.emplace_back(failed > 0 ? "FAILED" : inconclusive > 0 ? "INCONCLUSIVE" : "ok");
    return cells;
  }
};

std::vector<Row> rows_of(const std::vector<TaylorTest>& tests) {
  const bool one_subject = std::ranges::all_of(
      tests, [&](const TaylorTest& test) { return subject_of(test.name) == subject_of(tests.front().name); });
  std::vector<Row> rows;
  for (const TaylorTest& test : tests) {
    const std::string name = one_subject ? test.name : subject_of(test.name);
    if (rows.empty() || rows.back().name != name) rows.push_back({.name = name});
    rows.back().add(test);
  }
  return rows;
}

std::string text_of(const TaylorTest& test) {
  if (!test.why_not.empty()) return test.why_not;
  const std::array<double, 3> slopes = test.slopes();
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    if (!std::isnan(slopes[i])) parts.push_back(fmt::format("{} {:.2f}", kLines[i], slopes[i]));
  }
  return fmt::format("slopes must be 1, 2, 3, and are: {}", fmt::join(parts, ", "));
}

Plot plot_of(const TaylorTest& test) {
  Plot plot{.title = test.name,
            .x = {.name = "h", .logarithmic = true},
            .y = {.name = "remainder", .logarithmic = true},
            .lines = {}};
  const std::array<double, 3> slopes = test.slopes();
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    PlotLine line{.name = std::isnan(slopes[i]) ? fmt::format("{}: nothing above rounding", kLines[i])
                                                : fmt::format("{}: slope {:.2f}", kLines[i], slopes[i]),
                  .points = {}};
    for (const TaylorStep& step : test.steps) line.points.emplace_back(step.step, step.remainders[i]);
    plot.lines.push_back(std::move(line));
  }
  PlotLine rounding{.name = "rounding", .points = {}};
  for (const TaylorStep& step : test.steps) rounding.points.emplace_back(step.step, step.rounding);
  plot.lines.push_back(std::move(rounding));
  return plot;
}

std::string every_step(const TaylorTest& test, std::size_t width) {
  Table table({"h", kTitles[0], kTitles[1], kTitles[2], "rounding"});
  for (const TaylorStep& step : test.steps) {
    std::vector<std::string> row{fmt::format("2^{:g}", std::log2(step.step))};
    for (const double remainder : step.remainders)
      row.push_back(std::isnan(remainder) ? "–" : fmt::format("{:.2e}", remainder));
    row.push_back(fmt::format("{:.1e}", step.rounding));
    table.add(row);
  }
  table.may_leave_out({"rounding", kTitles[0]});
  return table.text(width);
}

std::int64_t count_of(const std::vector<TaylorTest>& tests, Verdict verdict) {
  return std::ranges::count_if(tests, [&](const TaylorTest& test) { return test.verdict() == verdict; });
}

}  // namespace

std::string taylor_text(const std::vector<TaylorTest>& tests, std::size_t width) {
  Table table({"subject", "cases", kTitles[0], kTitles[1], kTitles[2], "verdict"});
  for (const Row& row : rows_of(tests)) table.add(row.cells());
  table.may_leave_out({"cases", kTitles[0], kTitles[1]});
  std::string text = table.text(width) + "\n";
  for (const TaylorTest& test : tests) {
    if (test.verdict() == Verdict::pass) continue;
    text += wrapped(fmt::format("{} {} (seed {}): {}", test.verdict() == Verdict::fail ? "FAILED" : "INCONCLUSIVE",
                                test.name, test.seed, text_of(test)),
                    width, 2) +
            "\n";
  }
  if (tests.size() == 1 && !tests.front().steps.empty()) {
    text += every_step(tests.front(), width) + "\n" + draw_plot(plot_of(tests.front()), width) + "\n";
  }
  const std::int64_t failed = count_of(tests, Verdict::fail);
  const std::int64_t inconclusive = count_of(tests, Verdict::inconclusive);
  std::vector<std::string> parts;
  if (failed > 0) parts.push_back(fmt::format("{} FAILED", failed));
  if (inconclusive > 0) parts.push_back(fmt::format("{} INCONCLUSIVE", inconclusive));
  return text +
         wrapped(fmt::format("Remainders of Taylor's formula in {}, along random directions: {}",
                             counted(tests.size(), "case"),
                             parts.empty() ? "all fall as they must" : fmt::format("{}", fmt::join(parts, ", "))),
                 width) +
         "\n";
}

std::string taylor_svg(const std::vector<TaylorTest>& tests) {
  std::vector<Plot> plots;
  for (const TaylorTest& test : tests) plots.push_back(plot_of(test));
  return plot_svg(plots);
}

std::string taylor_json(const std::vector<TaylorTest>& tests) {
  Json cases = Json::array();
  for (const TaylorTest& test : tests) {
    Json steps = Json::array();
    for (const TaylorStep& step : test.steps) {
      steps.push_back({{"h", step.step}, {"remainders", step.remainders}, {"rounding", step.rounding}});
    }
    cases.push_back({{"subject", test.name},
                     {"seed", test.seed},
                     {"verdict", name_of(test.verdict())},
                     {"slopes", test.slopes()},
                     {"why_not", test.why_not},
                     {"steps", std::move(steps)}});
  }
  return to_text(Json{{"cases", std::move(cases)}}) + "\n";
}

}  // namespace tapehead
