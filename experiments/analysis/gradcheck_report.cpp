#include "experiments/analysis/gradcheck_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include "autograd/base/counted.hpp"
#include "experiments/report/json.hpp"
#include "experiments/report/table.hpp"
#include "experiments/report/text_width.hpp"

namespace tapehead {
namespace {

// A report says 0 for an oracle that was never asked.
std::optional<double> complex_step_error(const CheckReport& report) {
  const auto taken = [](const Derivative& each) { return !std::isnan(each.complex_step); };
  return std::ranges::any_of(report.derivatives, taken) ? std::optional(report.complex_step_error) : std::nullopt;
}

std::optional<double> differences_error(const CheckReport& report) {
  const auto taken = [](const Derivative& each) { return !std::isnan(each.differences); };
  return std::ranges::any_of(report.derivatives, taken) ? std::optional(report.differences_error) : std::nullopt;
}

// What the cases of one op, layer or model found together.
struct Row {
  std::string name;
  std::int64_t cases = 0, derivatives = 0, nodes = 0, second_order = 0;
  std::optional<double> complex_step = {}, differences = {};
  Verdict verdict = Verdict::pass;

  void add(const CheckReport& report) {
    ++cases;
    derivatives += std::ssize(report.derivatives);
    nodes += report.nodes;
    second_order += report.second_order;
    complex_step = std::max(complex_step, complex_step_error(report));  // nothing is less than any number
    differences = std::max(differences, differences_error(report));
    if (verdict != Verdict::fail && !report.passed()) verdict = report.verdict();
  }

  std::vector<std::string> cells() const {
    const auto error = [](std::optional<double> e) { return e ? fmt::format("{:.1e}", *e) : std::string("–"); };
    const char* word = verdict == Verdict::pass ? "ok" : verdict == Verdict::fail ? "FAILED" : "INCONCLUSIVE";
    return {name,
            fmt::format("{}", cases),
            fmt::format("{}", derivatives),
            error(complex_step),
            error(differences),
            fmt::format("{}", nodes),
            fmt::format("{}", second_order),
            word};
  }
};

std::vector<Row> rows_of(const GradcheckResult& result) {
  std::vector<Row> rows;
  for (const CheckReport& report : result.reports) {
    const std::string name = subject_of(report.name);
    auto row = std::ranges::find(rows, name, &Row::name);
    if (row == rows.end()) row = rows.insert(rows.end(), Row{.name = name});
    row->add(report);
  }
  return rows;
}

std::string conclusion(const GradcheckResult& result) {
  std::vector<std::string> parts;
  const auto add = [&](std::int64_t count, const char* word) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, word));
  };
  add(result.cases(Verdict::fail) + result.failed_refusals(), "FAILED");
  add(std::ssize(result.unchecked), "UNCHECKED");
  add(result.cases(Verdict::inconclusive), result.allow_inconclusive ? "inconclusive (allowed)" : "INCONCLUSIVE");
  return parts.empty() ? "all passed" : fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::int64_t> index_in(const Shape& shape, std::int64_t element) {
  return {element % shape.rows, element / shape.rows % shape.columns, element / shape.rows / shape.columns};
}

Json to_json(const Derivative& derivative, const CheckReport& report) {
  const auto variable = static_cast<std::size_t>(derivative.variable);
  return {{"variable", report.variables.at(variable)},
          {"first", derivative.first},
          {"count", derivative.count},
          {"index", index_in(report.shapes.at(variable), derivative.first)},
          {"analytic", derivative.analytic},
          {"complex_analytic", derivative.complex_analytic},  // NaN is written as null
          {"complex_step", derivative.complex_step},
          {"differences", derivative.differences},
          {"differences_error", derivative.differences_error},
          {"error_bound", derivative.error_bound},
          {"tolerance", derivative.tolerance},
          {"error", derivative.error},      // null where both oracles agree
          {"allowed", derivative.allowed},  // what the error was held against
          {"ground", name_of(derivative.ground)},
          {"verdict", name_of(derivative.verdict)}};
}

Json to_json(const Finding& finding) {
  return {{"check", finding.check}, {"verdict", name_of(finding.verdict)}, {"diagnosis", name_of(finding.diagnosis)},
          {"text", finding.text},   {"variable", finding.variable},        {"index", finding.index}};
}

Json to_json(const CheckReport& report) {
  const auto number = [](std::optional<double> value) { return value ? Json(*value) : Json(); };
  Json findings = Json::array();
  for (const Finding& finding : report.findings) findings.push_back(to_json(finding));
  Json derivatives = Json::array();
  for (const Derivative& derivative : report.derivatives) derivatives.push_back(to_json(derivative, report));
  return {{"subject", report.name},
          {"verdict", name_of(report.verdict())},
          {"diagnosis", name_of(report.diagnosis())},
          {"seed", report.seed},
          {"redrawn", report.redrawn},
          {"nodes", report.nodes},
          {"second_order", report.second_order},
          {"complex_step_error", number(complex_step_error(report))},
          {"differences_error", number(differences_error(report))},
          {"findings", std::move(findings)},
          {"derivatives", std::move(derivatives)}};
}

}  // namespace

std::string subject_of(const std::string& name) {
  const std::size_t group = name.find('/');
  return group == std::string::npos ? name : name.substr(0, name.find('/', group + 1));
}

std::int64_t GradcheckResult::derivatives() const {
  std::int64_t sum = 0;
  for (const CheckReport& report : reports) sum += std::ssize(report.derivatives);
  return sum;
}

std::int64_t GradcheckResult::cases(Verdict verdict) const {
  return std::ranges::count_if(reports, [&](const CheckReport& report) { return report.verdict() == verdict; });
}

std::int64_t GradcheckResult::failed_refusals() const {
  return std::ranges::count_if(refusals, [](const RefusalReport& refusal) { return !refusal.failure.empty(); });
}

bool GradcheckResult::passed() const {
  return cases(Verdict::fail) == 0 && failed_refusals() == 0 && unchecked.empty() &&
         (allow_inconclusive || cases(Verdict::inconclusive) == 0);
}

std::string gradcheck_text(const GradcheckResult& result, std::size_t width) {
  Table table({"subject", "cases", "derivatives", "complex step", "differences", "nodes", "second order", "verdict"});
  for (const Row& row : rows_of(result)) table.add(row.cells());
  table.may_leave_out({"nodes", "second order", "cases", "derivatives", "differences", "complex step"});
  std::string text = table.text(width) + "\n";
  const std::size_t without_findings = text.size();
  for (const CheckReport& report : result.reports) {
    if (!report.passed()) text += report.text();
  }
  for (const RefusalReport& refusal : result.refusals) {
    if (!refusal.failure.empty()) text += fmt::format("FAILED {}: {}\n", refusal.subject, refusal.failure);
  }
  for (const std::string& name : result.unchecked) text += fmt::format("UNCHECKED {}: has no case\n", name);
  if (text.size() > without_findings) text += "\n";
  if (!result.smallest_failure.empty()) {
    text +=
        wrapped("The first failure in the smallest case found that still fails, as a program to build with tapehead:",
                width) +
        "\n\n" + result.smallest_failure + "\n";
  }
  return text +
         wrapped(fmt::format("{} in {} and {} of wrong input checked in {:.1f} s: {}",
                             counted(result.derivatives(), "derivative"), counted(result.reports.size(), "case"),
                             counted(result.refusals.size(), "refusal"), result.seconds, conclusion(result)),
                 width) +
         "\n";
}

std::string gradcheck_json(const GradcheckResult& result) {
  Json cases = Json::array();
  for (const CheckReport& report : result.reports) cases.push_back(to_json(report));
  Json refusals = Json::array();
  for (const RefusalReport& refusal : result.refusals) {
    refusals.push_back({{"subject", refusal.subject}, {"failure", refusal.failure}});
  }
  const Json object = {{"status", result.passed() ? "passed" : "failed"},
                       {"derivatives", result.derivatives()},
                       {"counts",
                        {{"pass", result.cases(Verdict::pass)},
                         {"fail", result.cases(Verdict::fail)},
                         {"inconclusive", result.cases(Verdict::inconclusive)}}},
                       {"unchecked", result.unchecked},
                       {"smallest_failure", result.smallest_failure},
                       {"cases", std::move(cases)},
                       {"refusals", std::move(refusals)}};
  return to_text(object) + "\n";
}

}  // namespace tapehead
