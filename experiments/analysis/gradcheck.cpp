#include "experiments/analysis/gradcheck.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <ostream>

#include "autograd/base/errors.hpp"
#include "autograd/base/suggest.hpp"
#include "autograd/check/isolated.hpp"
#include "autograd/check/shrink.hpp"
#include "layers/models/spec.hpp"
#include "layers/spec.hpp"
#include "trainers/model_problem.hpp"

namespace tapehead {
namespace {

std::string refusal_name(const OpSpec& spec, const OpRefusal& refusal) {
  return "ops/" + spec.name + "/" + refusal.label;
}

[[noreturn]] void throw_nothing_matches(const GradcheckSubjects& all, const std::string& pattern) {
  std::vector<std::string_view> names;
  for (const ProblemCase& each : all.cases) {
    std::string_view name = each.name;
    name.remove_prefix(name.find('/') + 1);
    names.push_back(name.substr(0, name.find('/')));
  }
  const std::string hint = did_you_mean(pattern, names);
  throw ConfigError(
      fmt::format("gradcheck: nothing matches \"{}\"{}", pattern, hint.empty() ? "; see tapehead list" : hint));
}

CheckReport check_case(const ProblemCase& problem, const CheckOptions& options) {
  CheckReport report;
  try {
    report = check_problem(problem, options);
  } catch (const std::exception& error) {
    report.seed = options.seed;
    report.findings.push_back({.check = "exception", .text = error.what(), .variable = {}});
  }
  report.name = problem.name;
  return report;
}

// Of the first case that fails.
std::string smallest_failure(const GradcheckSubjects& subjects, const GradcheckResult& result,
                             const GradcheckOptions& options) {
  const auto failed =
      std::ranges::find_if(result.reports, [](const CheckReport& each) { return each.verdict() == Verdict::fail; });
  if (failed == result.reports.end()) return {};
  const ProblemCase& problem = subjects.cases[static_cast<std::size_t>(failed - result.reports.begin())];
  std::string program;
  for_each_isolated(
      1, {.at_once = 1, .seconds = options.seconds},
      [&](std::int64_t) {
        const std::optional<ShrunkCase> shrunk = shrink(problem, options.check);
        return shrunk ? as_program(*shrunk) : std::string();
      },
      [&](std::int64_t, const IsolatedAnswer& answer) { program = answer.text.value_or(""); });
  return program;
}

// What went wrong, or nothing.
std::string check_one(const OpSpec& spec, const OpRefusal& refusal) {
  std::string failure;
  try {
    failure = check_refusal(spec, refusal);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  const std::string name = fmt::format("{}/{}: ", spec.name, refusal.label);
  if (failure.starts_with(name)) failure.erase(0, name.size());  // the subject says it
  return failure;
}

void check_refusals(const GradcheckSubjects& subjects, const Isolation& isolation,
                    std::vector<RefusalReport>& reports) {
  std::vector<std::pair<const OpSpec*, const OpRefusal*>> all;
  for (const OpSpec& spec : subjects.refusing) {
    for (const OpRefusal& refusal : spec.refusals) {
      all.emplace_back(&spec, &refusal);
      reports.push_back({refusal_name(spec, refusal), {}});
    }
  }
  for_each_isolated(
      std::ssize(all), isolation,
      [&](std::int64_t i) {
        const auto [spec, refusal] = all[static_cast<std::size_t>(i)];
        return check_one(*spec, *refusal);
      },
      [&](std::int64_t i, const IsolatedAnswer& answer) {
        reports[static_cast<std::size_t>(i)].failure = answer.text.value_or(answer.why_not);
      });
}

// "37/212 checked", renewed in place.
class CountOnTerminal {
 public:
  CountOnTerminal(std::ostream* out, std::size_t total) : out_(out), total_(total) {}
  ~CountOnTerminal() {
    if (out_ != nullptr) *out_ << "\r\x1b[K" << std::flush;
  }
  CountOnTerminal(const CountOnTerminal&) = delete;
  CountOnTerminal& operator=(const CountOnTerminal&) = delete;

  void add() {
    if (out_ == nullptr) return;
    *out_ << '\r' << ++done_ << '/' << total_ << " checked" << std::flush;
  }

 private:
  std::ostream* out_;
  std::size_t total_;
  std::size_t done_ = 0;
};

}  // namespace

bool matches_case(const std::string& pattern, const std::string& name) {
  if (pattern.find_first_of("*?[") == std::string::npos) return name.find(pattern) != std::string::npos;
  const std::string in_group = name.substr(name.find('/') + 1);
  const auto fits = [&](const std::string& text) { return fnmatch(pattern.c_str(), text.c_str(), 0) == 0; };
  return fits(name) || fits(in_group) || fits(in_group.substr(0, in_group.find('/')));
}

GradcheckSubjects subjects_of(std::span<const OpSpec> specs) {
  GradcheckSubjects subjects{.cases = {}, .refusing = {specs.begin(), specs.end()}};
  for (const OpSpec& spec : specs) {
    if (spec.cases.empty()) subjects.unchecked.push_back("ops/" + spec.name);
    std::ranges::move(problem_cases(spec), std::back_inserter(subjects.cases));
  }
  return subjects;
}

GradcheckSubjects all_subjects() {
  GradcheckSubjects subjects = subjects_of(op_specs());
  for (const LayerSpec& spec : layer_specs()) {
    if (spec.cases.empty()) subjects.unchecked.push_back("layers/" + spec.name);
    std::ranges::copy(spec.cases, std::back_inserter(subjects.cases));
  }
  for (const ModelSpec& spec : model_specs()) {
    if (spec.cases.empty()) subjects.unchecked.push_back("models/" + spec.name);
  }
  std::ranges::move(model_problems(), std::back_inserter(subjects.cases));
  return subjects;
}

GradcheckSubjects matching(GradcheckSubjects subjects, const std::string& pattern) {
  GradcheckSubjects found;
  std::ranges::copy_if(subjects.cases, std::back_inserter(found.cases),
                       [&](const ProblemCase& each) { return matches_case(pattern, each.name); });
  std::ranges::copy_if(subjects.unchecked, std::back_inserter(found.unchecked),
                       [&](const std::string& name) { return matches_case(pattern, name + "/"); });
  for (OpSpec& spec : subjects.refusing) {
    std::erase_if(spec.refusals,
                  [&](const OpRefusal& each) { return !matches_case(pattern, refusal_name(spec, each)); });
    if (!spec.refusals.empty()) found.refusing.push_back(std::move(spec));
  }
  if (found.cases.empty() && found.unchecked.empty()) {
    if (found.refusing.empty()) throw_nothing_matches(subjects, pattern);
    throw ConfigError(fmt::format("gradcheck: \"{}\" matches refusals only, no derivative", pattern));
  }
  return found;
}

GradcheckResult gradcheck(const GradcheckSubjects& subjects, const GradcheckOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  GradcheckResult result{.reports = std::vector<CheckReport>(subjects.cases.size()),
                         .refusals = {},
                         .unchecked = subjects.unchecked,
                         .smallest_failure = {},
                         .allow_inconclusive = options.allow_inconclusive};
  const Isolation isolation{.at_once = options.threads, .seconds = options.seconds};
  {
    CountOnTerminal count(options.progress, subjects.cases.size());
    const auto place = [&](std::int64_t i) {  // models, the longest, first
      return subjects.cases.size() - 1 - static_cast<std::size_t>(i);
    };
    for_each_isolated(
        std::ssize(subjects.cases), isolation,
        [&](std::int64_t i) { return to_bytes(check_case(subjects.cases[place(i)], options.check)); },
        [&](std::int64_t i, const IsolatedAnswer& answer) {
          result.reports[place(i)] = report_of(answer, options.check.seed);
          result.reports[place(i)].name = subjects.cases[place(i)].name;
          count.add();
        });
  }
  check_refusals(subjects, isolation, result.refusals);
  result.smallest_failure = smallest_failure(subjects, result, options);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace tapehead
