#include "autograd/check/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/check/context.hpp"
#include "autograd/check/isolated.hpp"
#include "autograd/check/nodes.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/rounding.hpp"

namespace tapehead {
namespace {

constexpr int kDraws = 8;  // samples that are tried before a kink makes a check inconclusive
constexpr int kSensitivityDraws = 6;
constexpr double kNegligible = 1e-3;  // of output and cotangent: scales go no lower

// Entries uniform in size between half and three halves, with random signs. Never all alike: the sum of a softmax is
// constant, so a plain sum would see nothing of it.
std::vector<double> draw_cotangent(std::int64_t size, std::uint64_t seed) {
  const RandomStream random(seed, Purpose::gradient_check, 1);
  std::vector<double> cotangent;
  for (std::int64_t i = 0; i < size; ++i) {
    const double value = 0.5 + random.uniform(0, static_cast<std::uint32_t>(i));
    cotangent.push_back(random.uniform(1, static_cast<std::uint32_t>(i)) < 0.5 ? -value : value);
  }
  return cotangent;
}

void check_every_node(CheckContext& context) {
  if (!context.problem.function().takes<std::complex<double>>()) return;
  const Direction direction = context.direction(Drawn::every_node, 0, context.problem.size());
  const NodeCheck nodes = check_nodes(context.problem, context.cotangent, direction.values, context.seed);
  context.report.nodes = nodes.checked;
  for (const NodeFault& fault : nodes.faults) {
    std::string text = fmt::format(
        "{} (node {} of {}): its pullback is not the transpose of its forward: ⟨d_y, ẏ⟩ is "
        "{:.9g}, its contributions give {:.9g}; off by {:.1e}, rounding allows {:.1e}",
        fault.op, fault.index, nodes.size, fault.expected, fault.found, std::abs(fault.expected - fault.found),
        fault.bound);
    if (!fault.detail.empty()) text += "; " + fault.detail;
    if (fault.verdict == Verdict::inconclusive) text += ", but so small beside its terms that it may be rounding";
    context.add(Finding{.check = "node",
                        .verdict = fault.verdict,
                        .diagnosis = fault.verdict == Verdict::fail ? fault.diagnosis : Diagnosis::none,
                        .text = std::move(text),
                        .variable = {}});
  }
}

void name_variables(CheckReport& report, const Problem& problem) {
  for (const Variable& variable : problem.variables()) {
    report.variables.push_back(variable.name);
    report.shapes.push_back(variable.shape);
  }
}

// False: another sample should be drawn.
bool check_sample(const Problem& problem, const CheckOptions& options, std::uint64_t seed, CheckReport& report) {
  if (!check_memory(problem, report)) return true;
  CheckContext context(problem, options, seed, report);
  if (context.output_shape.size() == 0) return true;  // nothing to differentiate, which is reported as such
  if (const double largest = largest_size(context.value); !std::isfinite(largest)) {
    context.add(Finding{.check = "gradient",
                        .text = fmt::format("the output holds {}: check at other inputs", largest),
                        .variable = {}});
    return true;
  }
  if (options.precision == CheckedPrecision::single_precision) {
    return check_single_precision(context);
  }
  bool decided = check_derivatives(context);
  check_consistency(context);
  check_masks(context);
  check_every_node(context);
  if (options.second_order) decided = check_second_order(context) && decided;
  return decided;
}

}  // namespace

CheckContext::CheckContext(const Problem& the_problem, const CheckOptions& the_options, std::uint64_t the_seed,
                           CheckReport& the_report)
    : problem(the_problem), options(the_options), seed(the_seed), report(the_report), evaluator(the_problem) {
  const auto y = evaluator.value();
  cotangent = draw_cotangent(std::ssize(y), seed);
  output_shape = evaluator.output_shape();
  smallest_scale = kNegligible * root_mean_square(y);
  gradient = evaluator.gradient(cotangent);
  value = evaluator.output();
  branches = evaluator.branches();
  look_for_edges();
  noise = sensitivity(0x1p-52, 0x1p-52).gradient;
  for (std::uint32_t draw = 0; draw < kSensitivityDraws && terms() > 0; ++draw) {
    const double factor = another_multiple(seed, draw, 0);
    const std::vector<double> there = evaluator.gradient(multiple_of(cotangent, factor));
    for (std::size_t i = 0; i < noise.size(); ++i) {
      raise_noise(noise[i], std::abs(there[i] / factor - gradient[i]), kRoundingOfTerms * terms());
    }
  }
}

// Along a line first: seldom is there an edge at all.
void CheckContext::look_for_edges() {
  if (!std::isfinite(largest_size(value))) return;
  const std::vector<double> point = evaluator.point();
  const auto is_number = [&](const Direction& direction, double sign) {
    const auto moved = std::span(point).subspan(static_cast<std::size_t>(direction.first), direction.values.size());
    const double step = sign * 0x1p-40 * std::max(1.0, largest_size(moved));
    for (std::size_t i = 0; i < direction.values.size(); ++i) {
      evaluator.point()[static_cast<std::size_t>(direction.first) + i] += step * direction.values[i];
    }
    const double largest = largest_size(evaluator.value());
    evaluator.point() = point;
    return std::isfinite(largest);
  };
  const Direction line = Direction::random(0, problem.size(), seed);
  if (is_number(line, 1) && is_number(line, -1)) return;
  for (std::int64_t i = 0; i < problem.size(); ++i) {
    const bool above = is_number(Direction::along(i), 1);
    const bool below = is_number(Direction::along(i), -1);
    inward_.push_back(above == below ? 0 : above ? 1 : -1);
  }
}

Direction CheckContext::direction(Drawn kind, std::int64_t first, std::int64_t count, int which) const {
  Direction drawn =
      Direction::random(first, count, seed + static_cast<std::uint64_t>(kind) * static_cast<std::uint64_t>(which + 1));
  for (std::size_t i = 0; i < drawn.values.size() && !inward_.empty(); ++i) {
    const int inward = inward_[static_cast<std::size_t>(first) + i];
    if (inward != 0) drawn.values[i] = inward * std::abs(drawn.values[i]);
  }
  return drawn;
}

CheckContext::Sensitivity CheckContext::sensitivity(double size, double of_ops) {
  const RandomStream random(seed, Purpose::gradient_check, 4);
  Sensitivity largest{std::vector<double>(value.size(), 0.0), std::vector<double>(gradient.size(), 0.0)};
  const auto raise = [](std::vector<double>& known, const std::vector<double>& there, const std::vector<double>& here) {
    for (std::size_t i = 0; i < known.size(); ++i) {
      const double change = std::abs(there[i] - here[i]);
      if (!(change <= known[i])) known[i] = change;  // also what is not a number
    }
  };
  const std::vector<double> point = evaluator.point();
  for (std::uint32_t draw = 0; draw < kSensitivityDraws; ++draw) {
    const auto moved = [&](double x, std::uint32_t kind, std::size_t i) {
      return x * (1 + size * (2 * random.uniform(2 * draw + kind, static_cast<std::uint32_t>(i)) - 1));
    };
    std::vector<double> weights = cotangent;
    for (std::size_t i = 0; i < point.size(); ++i) evaluator.point()[i] = moved(point[i], 0, i);
    for (std::size_t o = 0; o < weights.size(); ++o) weights[o] = moved(weights[o], 1, o);
    RoundingObserver<double> rounding(seed, draw, of_ops);
    if (of_ops > 0) evaluator.tape().set_observer(&rounding);
    const std::vector<double> there = evaluator.gradient(weights);
    evaluator.tape().set_observer(nullptr);
    if (evaluator.branches() != branches) continue;  // a jump is not rounding
    if (std::isfinite(largest_size(value)) && !std::isfinite(largest_size(evaluator.output())))
      continue;  // nor an edge
    raise(largest.value, evaluator.output(), value);
    raise(largest.gradient, there, gradient);
  }
  evaluator.point() = point;
  return largest;
}

double CheckContext::terms() {
  if (terms_) return *terms_;
  terms_ = 0;
  try {
    terms_ = largest_terms(problem, cotangent, direction(Drawn::every_node, 0, problem.size()).values);
  } catch (const GradientError&) {  // its nodes are not the same in double and in complex numbers: said elsewhere
  }
  return *terms_;
}

void CheckContext::add(std::string check, Diagnosis diagnosis, const Variable& variable, std::int64_t element,
                       std::string text) {
  const auto [row, column, slice] = variable.shape.index(element);
  add(Finding{.check = std::move(check),
              .diagnosis = diagnosis,
              .text = place_of(variable, element) + ": " + std::move(text),
              .variable = variable.name,
              .index = {row, column, slice}});
}

CheckReport check_problem(const ProblemCase& problem_case, const CheckOptions& options) {
  if (options.isolated) {
    CheckReport report;
    CheckOptions here = options;
    here.isolated = false;
    for_each_isolated(
        1, {}, [&](std::int64_t) { return to_bytes(check_problem(problem_case, here)); },
        [&](std::int64_t, const IsolatedAnswer& answer) { report = report_of(answer, options.seed); });
    report.name = problem_case.name;
    return report;
  }
  const int draws = problem_case.one_point ? 1 : kDraws;
  for (int draw = 0;; ++draw) {
    const std::uint64_t seed = options.seed + (static_cast<std::uint64_t>(draw) << 32U);
    CheckReport report;
    report.name = problem_case.name;
    report.seed = seed;
    report.redrawn = draw;
    bool decided = true;
    try {
      const Problem problem = problem_case.draw(seed);
      name_variables(report, problem);
      if (const std::string why = problem.function().why_not_double(); !why.empty()) {
        report.findings.push_back({.check = "gradient", .text = why, .variable = {}});
        return report;
      }
      decided = check_sample(problem, options, seed, report);
    } catch (const std::exception& error) {
      report.findings.push_back({.check = "exception", .text = error.what(), .variable = {}});
    }
    if (report.derivatives.empty() && report.findings.empty()) {
      report.findings.push_back({.check = "gradient", .text = "no derivative was checked", .variable = {}});
    }
    if (decided || report.verdict() == Verdict::fail || draw + 1 == draws) return report;
  }
}

CheckReport check_gradients(GenericFunction function, const std::vector<InputSpec>& inputs,
                            const CheckOptions& options) {
  const auto draw = [&](std::uint64_t seed) {
    Problem problem(function, inputs, seed);
    problem.dual_by_hand = options.dual_by_hand;
    return problem;
  };
  return check_problem({"function", draw}, options);
}

}  // namespace tapehead
