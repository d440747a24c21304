#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/hessian.hpp"
#include "autograd/check/numbers.hpp"

namespace tapehead {
namespace {

constexpr double kTolerance = 1e-6;          // of H v against differences, relative to its scale
constexpr double kToSaySomething = 1e-3;     // of its scale: differences that are coarser agree with anything
constexpr double kSymmetryTolerance = 1e-9;  // of u·Hv against v·Hu
constexpr double kFirstProbe = 0x1p-3;
constexpr double kRounding = 8 * 0x1p-53;
constexpr double kNoiseFactor = 4;  // from the noise of some draws to a bound

// The noise of each element of the gradient, by third differences along v: see Oracles::measured_noise. Moving the
// point by a rounding error would not show it where a cancellation rounds to the same number again and again. One line
// may miss the noise of an element, not that of the variable that it belongs to.
template <class F>
std::vector<double> measured_noise(const CheckContext& context, F gradient_at) {
  constexpr double kStep = 0x1p-20;
  constexpr double kWeights[] = {3, -3, 1};
  std::vector<double> noise = context.gradient;
  for (double& each : noise) each = -each;
  for (int k = 1; k <= 3; ++k) {
    const std::vector<double> there = gradient_at(k * kStep);
    if (context.evaluator.branches() != context.branches) return std::vector<double>(noise.size(), 0.0);
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] += kWeights[k - 1] * there[i];
  }
  for (double& each : noise) each = std::abs(each) / std::sqrt(20.0);
  for (const Variable& variable : context.problem.variables()) {
    const auto own = std::span(noise).subspan(static_cast<std::size_t>(variable.offset),
                                              static_cast<std::size_t>(variable.shape.size()));
    const double typical = root_mean_square(own);
    for (double& each : own) each = std::max(each, typical);
  }
  return noise;
}

RiddersEstimate differences_of_gradients(CheckContext& context, const std::vector<double>& v, double goal) {
  Evaluator<double>& evaluator = context.evaluator;
  const std::vector<double> point = evaluator.point();
  const std::uint64_t branches = context.branches;
  const auto gradient_at = [&](double step) {
    for (std::size_t i = 0; i < v.size(); ++i) evaluator.point()[i] = point[i] + step * v[i];
    return evaluator.gradient(context.cotangent);
  };
  const std::vector<double> noise = measured_noise(context, gradient_at);
  const auto probe = [&](double h) -> std::optional<Probe> {
    std::vector<double> above = gradient_at(h);
    if (evaluator.branches() != branches) return {};
    const std::vector<double> below = gradient_at(-h);
    if (evaluator.branches() != branches) return {};
    Probe found{std::move(above), {}};
    for (std::size_t i = 0; i < below.size(); ++i) {
      found.rounding.push_back(kRounding * (std::abs(found.difference[i]) + std::abs(below[i])) +
                               kNoiseFactor * noise[i]);
      found.difference[i] -= below[i];
      if (!std::isfinite(found.difference[i])) return {};
    }
    return found;
  };
  RiddersEstimate estimate = ridders(probe, kFirstProbe, goal);
  evaluator.point() = point;
  return estimate;
}

}  // namespace

bool check_second_order(CheckContext& context) {
  const Problem& problem = context.problem;
  if (!problem.function().takes<std::complex<double>>() || problem.size() == 0) return true;
  const std::vector<double> u = context.direction(Drawn::second_order_u, 0, problem.size()).values;
  const std::vector<double> v = context.direction(Drawn::second_order_v, 0, problem.size()).values;
  const std::vector<double> hu = hessian_vector_product(problem, u, context.cotangent);
  const std::vector<double> hv = hessian_vector_product(problem, v, context.cotangent);
  // A Hessian that is zero is so to rounding of what the gradient is made of.
  const double elements = std::sqrt(static_cast<double>(problem.size()));
  const double scale = std::max(norm_of(hv), 1e-3 * norm_of(context.gradient)) / elements;

  double u_hv = 0;
  double v_hu = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    u_hv += u[i] * hv[i];
    v_hu += v[i] * hu[i];
  }
  if (!(std::abs(u_hv - v_hu) <= kSymmetryTolerance * (norm_of(hu) + norm_of(hv) + 1e-3 * norm_of(context.gradient)))) {
    context.add(Finding{.check = "second order",
                        .text = fmt::format("the Hessian is not symmetric: u·Hv is {:.12g}, v·Hu {:.12g}", u_hv, v_hu),
                        .variable = {}});
  }

  const RiddersEstimate estimate = differences_of_gradients(context, v, 0.005 * kTolerance * scale);
  double coarse = estimate.found ? 0 : HUGE_VAL;
  for (std::size_t i = 0; estimate.found && i < hv.size(); ++i) {
    coarse = std::max(coarse, estimate.error[i] / std::max(scale, std::abs(hv[i])));
  }
  if (!(coarse <= kToSaySomething)) {
    context.add(Finding{.check = "second order",
                        .verdict = Verdict::inconclusive,
                        .text = fmt::format("differences of gradients are off by {:.1e} of Hv themselves{}", coarse,
                                            estimate.crossed ? "; a kink lies between the probes" : ""),
                        .variable = {}});
    return !estimate.crossed;
  }
  context.report.second_order += problem.size();
  std::size_t worst = 0;
  double excess = 0;
  for (std::size_t i = 0; i < hv.size(); ++i) {
    const double own = std::max(scale, std::abs(hv[i]));
    const double error = std::abs(hv[i] - estimate.value[i]) - std::max(kTolerance * own, 3 * estimate.error[i]);
    if (error <= excess) continue;
    worst = i;
    excess = std::isnan(error) ? HUGE_VAL : error;
  }
  if (excess == 0) return true;
  const Variable& variable = problem.variable_of(static_cast<std::int64_t>(worst));
  context.add("second order", Diagnosis::none, variable, static_cast<std::int64_t>(worst) - variable.offset,
              fmt::format("Hv is {:.9g} by the complex tape, {:.9g} ± {:.1e} by differences of gradients", hv[worst],
                          estimate.value[worst], estimate.error[worst]));
  return true;
}

}  // namespace tapehead
