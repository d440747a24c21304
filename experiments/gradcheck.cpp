#include "experiments/gradcheck.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/check.hpp"
#include "experiments/command.hpp"
#include "experiments/json.hpp"
#include "experiments/suggest.hpp"
#include "experiments/table.hpp"

namespace tapehead {
namespace {

// "softmax/K5_Q3" contains the pattern, or is matched by it if it has wildcards.
bool matches(const std::string& pattern, const std::string& name) {
  if (pattern.find_first_of("*?[") == std::string::npos) return name.find(pattern) != std::string::npos;
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0 ||
         fnmatch(pattern.c_str(), name.substr(0, name.find('/')).c_str(), 0) == 0;
}

struct RefusalReport {
  std::string op, label;
  std::string failure;
};

struct Findings {
  std::vector<CaseReport> cases;
  std::vector<RefusalReport> refusals;
  std::int64_t derivatives = 0;
  std::int64_t failed = 0;
};

Findings check_matching(std::span<const OpSpec> specs, const std::string& pattern, std::uint64_t seed) {
  Findings found;
  for (const OpSpec& spec : specs) {
    for (const OpCase& op_case : spec.cases) {
      if (!matches(pattern, spec.name + "/" + op_case.label)) continue;
      found.cases.push_back(check_case(spec, op_case, seed));
      found.derivatives += found.cases.back().derivatives;
      found.failed += found.cases.back().passed() ? 0 : 1;
    }
    for (const OpRefusal& refusal : spec.refusals) {
      if (!matches(pattern, spec.name + "/" + refusal.label)) continue;
      found.refusals.push_back({spec.name, refusal.label, check_refusal(spec, refusal)});
      found.failed += found.refusals.back().failure.empty() ? 0 : 1;
    }
  }
  return found;
}

// A check that checked nothing must not look like one that passed.
void require_derivatives(const Findings& found, std::span<const OpSpec> specs, const std::string& pattern) {
  if (found.derivatives > 0) return;
  if (!found.refusals.empty()) {
    throw ConfigError(fmt::format("gradcheck: \"{}\" matches refusals only, no derivative", pattern));
  }
  std::vector<std::string_view> names;
  for (const OpSpec& spec : specs) names.push_back(spec.name);
  const std::string hint = did_you_mean(pattern, names);
  throw ConfigError(
      fmt::format("gradcheck: nothing matches \"{}\"{}", pattern, hint.empty() ? "; see tapehead list" : hint));
}

std::string as_table(const Findings& found) {
  Table cases({"op", "case", "derivatives", "complex step", "differences", "float value", "float gradient", "verdict"});
  const auto error = [](double value) { return fmt::format("{:.1e}", value); };
  for (const CaseReport& report : found.cases) {
    cases.add({report.op, report.label, fmt::format("{}", report.derivatives), error(report.complex_step_error),
               error(report.difference_error), error(report.float_value_error), error(report.float_gradient_error),
               report.passed() ? "ok" : "FAILED"});
  }
  std::string text = cases.text();
  for (const CaseReport& report : found.cases) {
    if (!report.passed()) text += fmt::format("FAILED {}/{}: {}\n", report.op, report.label, report.failure);
  }
  for (const RefusalReport& refusal : found.refusals) {
    if (!refusal.failure.empty()) text += fmt::format("FAILED {}\n", refusal.failure);
  }
  return text + fmt::format("\n{} derivatives in {} cases and {} refusals of wrong input checked: {}\n",
                            found.derivatives, found.cases.size(), found.refusals.size(),
                            found.failed == 0 ? "all passed" : fmt::format("{} FAILED", found.failed));
}

Json as_json(const Findings& found) {
  Json cases = Json::array();
  for (const CaseReport& report : found.cases) {
    cases.push_back({{"op", report.op},
                     {"case", report.label},
                     {"derivatives", report.derivatives},
                     {"complex_step_error", report.complex_step_error},
                     {"difference_error", report.difference_error},
                     {"float_value_error", report.float_value_error},
                     {"float_gradient_error", report.float_gradient_error},
                     {"passed", report.passed()},
                     {"failure", report.failure}});
  }
  Json refusals = Json::array();
  for (const RefusalReport& refusal : found.refusals) {
    refusals.push_back({{"op", refusal.op},
                        {"case", refusal.label},
                        {"passed", refusal.failure.empty()},
                        {"failure", refusal.failure}});
  }
  return {{"derivatives", found.derivatives},
          {"failed", found.failed},
          {"cases", std::move(cases)},
          {"refusals", std::move(refusals)}};
}

}  // namespace

int gradcheck(std::span<const OpSpec> specs, const std::string& pattern, std::uint64_t seed, bool json,
              std::ostream& out) {
  const Findings found = check_matching(specs, pattern, seed);
  require_derivatives(found, specs, pattern);
  out << (json ? as_json(found).dump() + "\n" : as_table(found));
  return found.failed == 0 ? kDone : kCheckFailed;
}

}  // namespace tapehead
