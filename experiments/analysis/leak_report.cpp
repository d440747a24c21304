#include "experiments/analysis/leak_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "autograd/base/counted.hpp"
#include "experiments/report/heat_map_svg.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

constexpr char kKnows = 'X';
constexpr char kMayAndDoesNot = 'o';
constexpr double kFaintest = 0.1;  // what is there can be seen

HeatMapPanel panel_of(const ModelLeaks& leaks, std::size_t input, std::int64_t example) {
  const Influence& influence = leaks.derivatives.influences[input];
  const Reach& reach = leaks.rule.inputs[input];
  const auto slice = static_cast<std::size_t>(example);
  // What stands at places past the end does not count.
  const std::int64_t outputs = leaks.rule.lengths.empty() ? influence.outputs : leaks.rule.lengths[slice];
  HeatMapPanel panel{.title = fmt::format("{}: {}, example {}", leaks.name, influence.input, example),
                     .weights = Matrix(outputs, influence.inputs),
                     .rows_are = "output",
                     .columns_are = influence.input};
  panel.labels.marks.resize(panel.weights.values.size(), HeatMapLabels::kShade);
  for (std::int64_t t = 0; t < outputs; ++t) {
    double largest = 0;
    for (std::int64_t k = 0; k < influence.inputs; ++k) {
      largest = std::max(largest, influence.forward[influence.at(k, t, example)]);
    }
    for (std::int64_t k = 0; k < influence.inputs; ++k) {
      const double forward = influence.forward[influence.at(k, t, example)];
      const bool reached = forward != 0 || influence.backward[influence.at(k, t, example)] != 0;
      const bool padding = !reach.lengths.empty() && k >= reach.lengths[slice];
      const bool may = !padding && (reach.ahead || k <= t);
      panel.weights(t, k) = largest > 0 ? std::max(kFaintest, std::sqrt(forward / largest)) : 0;
      char& mark = panel.labels.marks[static_cast<std::size_t>(t * influence.inputs + k)];
      if (!may) mark = reached ? kKnows : ' ';
      if (may && !reached) mark = kMayAndDoesNot;
    }
  }
  return panel;
}

// The shortest one, which has padding if any has; but one with a leak before that.
std::int64_t example_to_show(const ModelLeaks& leaks) {
  for (const LeakFinding& finding : leaks.derivatives.findings) return finding.example;
  if (leaks.rule.lengths.empty()) return 0;
  return std::ranges::min_element(leaks.rule.lengths) - leaks.rule.lengths.begin();
}

std::vector<HeatMapPanel> panels_of(const ModelLeaks& leaks) {
  std::vector<HeatMapPanel> panels;
  for (std::size_t i = 0; i < leaks.derivatives.influences.size(); ++i) {
    panels.push_back(panel_of(leaks, i, example_to_show(leaks)));
  }
  return panels;
}

std::string cell_of(const ModelLeaks& leaks, Leak leak) {
  const auto kind = static_cast<std::size_t>(leak);
  const std::int64_t looked_at = leaks.derivatives.pairs[kind] + leaks.exchanges[kind];
  if (leaks.has(leak)) return "LEAKS";
  return looked_at > 0 ? fmt::format("{}", looked_at) : "–";
}

}  // namespace

std::string leak_table(const std::vector<ModelLeaks>& results, std::size_t width) {
  Table table({"model", "future", "padding", "example", "answer", "verdict"});
  std::int64_t leaking = 0, empty = 0, looked_at = 0;
  std::string sentences;
  for (const ModelLeaks& leaks : results) {
    std::vector<std::string> row{leaks.name};
    for (int kind = 0; kind < kLeaks; ++kind) {
      row.push_back(cell_of(leaks, static_cast<Leak>(kind)));
      looked_at += leaks.derivatives.pairs[kind] + leaks.exchanges[kind];
    }
    const bool nothing = leaks.findings.empty() && !leaks.passed();
    row.emplace_back(leaks.passed() ? "ok" : nothing ? "NOTHING REACHES IT" : "LEAKS");
    table.add(std::move(row));
    leaking += leaks.findings.empty() ? 0 : 1;
    empty += nothing ? 1 : 0;
    for (const LeakFinding& finding : leaks.findings) {
      sentences += wrapped(fmt::format("{}: {}", leaks.name, sentence(finding)), width, 2) + "\n";
    }
  }
  table.may_leave_out({"answer", "example", "padding", "future"});
  std::string text = table.text(width) + "\n";
  if (!sentences.empty()) text += sentences + "\n";
  std::string end = fmt::format("{} of places, examples and exchanged tokens in {}: ", counted(looked_at, "pair"),
                                counted(results.size(), "model"));
  if (leaking > 0) end += fmt::format("{} of them {}", leaking, leaking == 1 ? "leaks" : "leak");
  if (empty > 0) end += fmt::format("{}{} say nothing that depends on anything", leaking > 0 ? ", " : "", empty);
  if (leaking == 0 && empty == 0) end += "no leak";
  return text + wrapped(end, width) + "\n";
}

std::string leak_maps(const ModelLeaks& leaks, HeatMapStyle style, std::size_t width) {
  std::string text;
  for (const HeatMapPanel& panel : panels_of(leaks)) {
    text += wrapped(fmt::format("{}; outputs down, {} across", panel.title, panel.columns_are), width) + "\n" +
            draw_heat_map(panel.weights, panel.labels, style, width) + "\n";
  }
  return text +
         wrapped(
             "shade: share of what moves an output most, its square root; o may move it and does not; empty: "
             "must not; X: must not and does",
             width) +
         "\n";
}

std::string leak_svg(const std::vector<ModelLeaks>& results) {
  std::vector<HeatMapPanel> panels;
  for (const ModelLeaks& leaks : results) std::ranges::move(panels_of(leaks), std::back_inserter(panels));
  return heat_map_svg(panels);
}

std::string leak_json(const std::vector<ModelLeaks>& results) {
  Json models = Json::array();
  bool passed = true;
  for (const ModelLeaks& leaks : results) {
    passed = passed && leaks.passed();
    Json findings = Json::array();
    for (const LeakFinding& f : leaks.findings) {
      findings.push_back({{"leak", name_of(f.leak)},
                          {"input", f.input},
                          {"output", f.output},
                          {"example", f.example},
                          {"from", f.from},
                          {"from_example", f.from_example},
                          {"forward", f.forward},
                          {"backward", f.backward},
                          {"changed", f.changed},
                          {"text", sentence(f)}});
    }
    Json looked_at = Json::object();
    for (int kind = 0; kind < kLeaks; ++kind) {
      looked_at[name_of(static_cast<Leak>(kind))] = {{"pairs", leaks.derivatives.pairs[kind]},
                                                     {"exchanges", leaks.exchanges[kind]}};
    }
    Json influences = Json::array();
    for (const Influence& each : leaks.derivatives.influences) {
      influences.push_back({{"input", each.input},
                            {"shape", {each.slices, each.outputs, each.inputs}},
                            {"forward", each.forward},
                            {"backward", each.backward}});
    }
    models.push_back({{"model", leaks.name},
                      {"passed", leaks.passed()},
                      {"looked_at", std::move(looked_at)},
                      {"may_know", leaks.derivatives.influencing},
                      {"leaks", std::move(findings)},
                      {"influences", std::move(influences)}});
  }
  return to_text(Json{{"status", passed ? "passed" : "failed"}, {"models", std::move(models)}}) + "\n";
}

}  // namespace tapehead
