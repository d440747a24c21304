#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/numbers.hpp"

namespace tapehead {
namespace {

constexpr double kEpsilon = 0x1p-23;
// Rounding within an op does what rounding of its inputs would, some times over; that of several ops adds up like
// independent errors, with the root of their number.
constexpr double kFactor = 16;

struct Rounded {
  std::vector<float> y, gradient;
  std::size_t nodes = 1;
  std::uint64_t branches = 0;
};

Rounded evaluate(const Problem& problem, const std::vector<double>& cotangent) {
  Evaluator<float> evaluator(problem);
  Rounded result;
  result.gradient = evaluator.gradient(std::vector<float>(cotangent.begin(), cotangent.end()));
  result.y = evaluator.output();
  result.nodes = std::max<std::size_t>(1, evaluator.tape().node_count());
  result.branches = evaluator.branches();
  return result;
}

double scale_of(const std::vector<double>& values, std::int64_t first, std::int64_t count) {
  return root_mean_square(std::span(values).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
}

}  // namespace

bool check_single_precision(CheckContext& context) {
  const Problem& problem = context.problem;
  if (!problem.function().takes<float>()) {
    context.add(Finding{.check = "float", .text = "the function does not take float", .variable = {}});
    return true;
  }
  const Rounded rounded = evaluate(problem, context.cotangent);
  const double factor = kFactor * std::sqrt(static_cast<double>(rounded.nodes));

  if (rounded.branches != context.branches) {
    context.add(Finding{.check = "float",
                        .verdict = Verdict::inconclusive,
                        .text = "rounding to float takes the point over a kink",
                        .variable = {}});
    return false;
  }
  const std::vector<double>& y = context.value;
  const CheckContext::Sensitivity sensitivity = context.sensitivity(kEpsilon, kEpsilon);
  const double y_scale = scale_of(y, 0, std::ssize(y));
  for (std::size_t o = 0; o < y.size(); ++o) {
    const double bound = factor * (sensitivity.value[o] + kEpsilon * std::max(std::abs(y[o]), y_scale));
    if (std::abs(static_cast<double>(rounded.y[o]) - y[o]) <= bound) continue;
    context.add(
        Finding{.check = "float",
                .text = fmt::format("value {} is {:.9g} in float, {:.9g} in double; conditioning allows ± {:.1e}", o,
                                    static_cast<double>(rounded.y[o]), y[o], bound),
                .variable = {}});
    break;
  }

  const double all = scale_of(context.gradient, 0, problem.size());
  for (std::size_t k = 0; k < problem.variables().size(); ++k) {
    const Variable& variable = problem.variables()[k];
    // A gradient that is zero because all of it cancels, a key's bias, is as noisy as what it is computed beside.
    const double scale =
        std::max({scale_of(context.gradient, variable.offset, variable.shape.size()), all, context.smallest_scale});
    bool reported = false;
    for (std::int64_t i = 0; i < variable.shape.size(); ++i) {
      const auto at = static_cast<std::size_t>(variable.offset + i);
      Derivative d{.variable = static_cast<std::int64_t>(k), .first = i};
      d.analytic = static_cast<double>(rounded.gradient[at]);
      d.complex_step = context.gradient[at];
      d.tolerance = d.error_bound =
          factor * (sensitivity.gradient[at] + kEpsilon * std::max(std::abs(context.gradient[at]), scale));
      const double error = std::abs(d.analytic - d.complex_step);
      context.report.complex_step_error =
          std::max(context.report.complex_step_error, scale > 0 ? error / scale : error);
      if (!(error <= d.tolerance)) d.verdict = Verdict::fail;
      context.report.derivatives.push_back(d);
      if (d.verdict != Verdict::fail || reported) continue;
      reported = true;
      context.add("float", Diagnosis::none, variable, i,
                  fmt::format("{:.9g} in float, {:.9g} in double; conditioning allows ± {:.1e}", d.analytic,
                              d.complex_step, d.tolerance));
    }
  }
  return true;
}

}  // namespace tapehead
