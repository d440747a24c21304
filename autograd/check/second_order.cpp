#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "autograd/check/context.hpp"
#include "autograd/check/hessian.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/rounding.hpp"

namespace tapehead {
namespace {

constexpr double kTolerance = 1e-6;          // of H v against differences, relative to its scale
constexpr double kToSaySomething = 1e-3;     // of its scale: differences that are coarser agree with anything
constexpr double kSymmetryTolerance = 1e-9;  // of u·Hv against v·Hu
constexpr double kFirstProbe = 0x1p-3;
constexpr double kRounding = 8 * 0x1p-53;
constexpr double kNoiseFactor = 4;   // from the noise of some draws to a bound
constexpr double kSurelyNoise = 16;  // the same for what would otherwise be called wrong
constexpr std::uint32_t kNoiseDraws = 4;
constexpr std::uint32_t kMultiples = 8;

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
    if (context.evaluator.branches() != context.branches) return context.noise;
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] += kWeights[k - 1] * there[i];
  }
  for (double& each : noise) each = std::abs(each) / std::sqrt(20.0);
  for (const Variable& variable : context.problem.variables()) {
    const auto own = std::span(noise).subspan(static_cast<std::size_t>(variable.offset),
                                              static_cast<std::size_t>(variable.shape.size()));
    const double typical = root_mean_square(own);
    for (double& each : own) each = std::max(each, typical);
  }
  // A cancellation may round to the same number all along the line: then rounding the values of ops shows it.
  const double beside_input = context.problem.dual_by_hand ? kRounding * largest_size(context.problem.point()) : 0;
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = std::max({noise[i], context.noise[i], beside_input});
  return noise;
}

RiddersEstimate differences_of_gradients(CheckContext& context, const std::vector<double>& v, double goal,
                                         bool confirmed = false) {
  Evaluator<double>& evaluator = context.evaluator;
  const std::vector<double> point = evaluator.point();
  const std::uint64_t branches = context.branches;
  const auto gradient_at = [&](double step) {
    for (std::size_t i = 0; i < v.size(); ++i) evaluator.point()[i] = point[i] + step * v[i];
    return evaluator.gradient(context.cotangent);
  };
  const auto inside = [&] {  // the domain, where the gradient alone may look as if nothing were wrong: 1/x of log x
    return evaluator.branches() == branches && std::isfinite(largest_size(evaluator.output()));
  };
  const std::vector<double> noise = measured_noise(context, gradient_at);
  const auto between = [&](double from, double to) -> std::optional<Difference> {
    std::vector<double> above = gradient_at(to);
    if (!inside()) return {};
    const std::vector<double> below = gradient_at(from);
    if (!inside()) return {};
    Difference found{std::move(above), {}};
    for (std::size_t i = 0; i < below.size(); ++i) {
      found.rounding.push_back(kRounding * (std::abs(found.difference[i]) + std::abs(below[i])) +
                               kNoiseFactor * noise[i]);
      found.difference[i] -= below[i];
      if (!std::isfinite(found.difference[i])) return {};
    }
    return found;
  };
  const auto estimated = [&](const DifferenceProbe& probe, Probes probes) {
    return confirmed ? confirmed_ridders(probe, kFirstProbe, goal, probes) : ridders(probe, kFirstProbe, goal, probes);
  };
  RiddersEstimate estimate = estimated([&](double h) { return between(-h, h); }, Probes::central);
  if (estimate.crossed && context.has_edges()) {  // directions lead inward
    estimate = estimated([&](double h) { return between(0, h); }, Probes::one_sided);
  }
  evaluator.point() = point;
  return estimate;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// What rounding does to Hv, and to u·Hv − v·Hu: the largest changes over some draws.
struct HessianNoise {
  std::vector<double> hv;
  double asymmetry = 0;
};

HessianNoise noise_of_hessian(CheckContext& context, const std::vector<double>& u, const std::vector<double>& v,
                              const std::vector<double>& hu, const std::vector<double>& hv) {
  HessianNoise noise{std::vector<double>(hv.size(), 0.0), 0};
  for (std::uint32_t draw = 0; draw < kNoiseDraws; ++draw) {
    const auto product = [&](const std::vector<double>& along) {
      return rounded_hessian_vector_product(context.problem, along, context.cotangent, context.seed, draw);
    };
    const std::vector<double> moved_hu = product(u);
    const std::vector<double> moved_hv = product(v);
    for (std::size_t i = 0; i < hv.size(); ++i) noise.hv[i] = std::max(noise.hv[i], std::abs(moved_hv[i] - hv[i]));
    noise.asymmetry =
        std::max(noise.asymmetry, std::abs((dot(u, moved_hv) - dot(v, moved_hu)) - (dot(u, hv) - dot(v, hu))));
  }
  const double most = kRoundingOfTerms * context.terms();
  for (std::uint32_t draw = 0; draw < kMultiples; ++draw) {
    const auto product = [&](const std::vector<double>& direction, std::uint32_t purpose) {
      const double along = another_multiple(context.seed, draw, purpose);
      const double across = another_multiple(context.seed, draw, purpose + 1);
      return multiple_of(hessian_vector_product(context.problem, multiple_of(direction, along),
                                                multiple_of(context.cotangent, across)),
                         1 / (along * across));
    };
    const std::vector<double> other_hu = product(u, 4);
    const std::vector<double> other_hv = product(v, 6);
    for (std::size_t i = 0; i < hv.size(); ++i) raise_noise(noise.hv[i], std::abs(other_hv[i] - hv[i]), most);
    raise_noise(noise.asymmetry, std::abs((dot(u, other_hv) - dot(v, other_hu)) - (dot(u, hv) - dot(v, hu))), most);
  }
  const double typical = root_mean_square(noise.hv);  // some draws may miss the noise of one element
  for (double& each : noise.hv) each = std::max(each, typical);
  return noise;
}

std::size_t worst_of(const std::vector<double>& hv, const RiddersEstimate& estimate, double scale,
                     const std::vector<double>& noise, double& excess) {
  std::size_t worst = 0;
  excess = 0;
  for (std::size_t i = 0; i < hv.size(); ++i) {
    const double own = std::max(scale, std::abs(hv[i]));
    const double rounding = noise.empty() ? 0 : kSurelyNoise * noise[i];
    const double error =
        std::abs(hv[i] - estimate.value[i]) - std::max(kTolerance * own, 3 * estimate.error[i]) - rounding;
    if (error <= excess) continue;
    worst = i;
    excess = std::isnan(error) ? HUGE_VAL : error;
  }
  return worst;
}

double coarseness(const std::vector<double>& hv, const RiddersEstimate& estimate, double scale) {
  if (!estimate.found) return HUGE_VAL;
  double coarse = 0;
  for (std::size_t i = 0; i < hv.size(); ++i) {
    if (scale == 0 && hv[i] == 0 && estimate.value[i] == 0) continue;  // nothing there moves
    coarse = std::max(coarse, estimate.error[i] / std::max(scale, std::abs(hv[i])));
  }
  return coarse;
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

  const auto undecided = [&](std::string text) {
    context.add(
        Finding{.check = "second order", .verdict = Verdict::inconclusive, .text = std::move(text), .variable = {}});
  };
  if (const double size = std::max(scale, norm_of(context.gradient)); size > 0 && size < kComplexUnderflow) {
    undecided("gradient and Hessian are so small that the complex step underflows");
    return true;
  }
  // Off by so much, and still it may be rounding beside the terms of some op.
  const auto found = [&](double off, std::string text, const Variable* variable, std::int64_t element) {
    if (off <= kRoundingOfTerms * context.terms()) {
      return undecided(std::move(text) + ", but so small beside the terms of an op that it may be rounding");
    }
    if (variable != nullptr) {
      context.add("second order", Diagnosis::none, *variable, element, std::move(text));
    } else {
      context.add(Finding{.check = "second order", .text = std::move(text), .variable = {}});
    }
  };
  std::optional<HessianNoise> noise;
  const auto rounding = [&]() -> const HessianNoise& {
    if (!noise) noise = noise_of_hessian(context, u, v, hu, hv);
    return *noise;
  };

  const double u_hv = dot(u, hv);
  const double v_hu = dot(v, hu);
  const double asymmetry = std::abs(u_hv - v_hu);
  const double symmetric = kSymmetryTolerance * (norm_of(hu) + norm_of(hv) + 1e-3 * norm_of(context.gradient));
  if (!(asymmetry <= symmetric) && !(asymmetry <= symmetric + kSurelyNoise * rounding().asymmetry)) {
    found(asymmetry,
          fmt::format("the Hessian is not symmetric: u·Hv is {:.12g}, v·Hu {:.12g}; off by {:.1e}, {:.1e} is "
                      "allowed",
                      u_hv, v_hu, asymmetry, symmetric + kSurelyNoise * rounding().asymmetry),
          nullptr, 0);
  }

  const double goal = 0.005 * kTolerance * scale;
  RiddersEstimate estimate = differences_of_gradients(context, v, goal);
  double coarse = coarseness(hv, estimate, scale);
  double excess = 0;
  std::size_t worst = 0;
  if (coarse <= kToSaySomething) worst = worst_of(hv, estimate, scale, {}, excess);
  if (excess > 0) {  // other probes, and what rounding does to Hv, may explain it
    estimate = differences_of_gradients(context, v, goal, true);
    coarse = coarseness(hv, estimate, scale);
    if (coarse <= kToSaySomething) worst = worst_of(hv, estimate, scale, rounding().hv, excess);
  }
  if (!(coarse <= kToSaySomething)) {
    undecided(fmt::format("differences of gradients are off by {:.1e} of Hv themselves{}", coarse,
                          estimate.crossed ? "; a kink lies between the probes" : ""));
    return !estimate.crossed;
  }
  context.report.second_order += problem.size();
  if (excess == 0) return true;
  const Variable& variable = problem.variable_of(static_cast<std::int64_t>(worst));
  found(std::abs(hv[worst] - estimate.value[worst]),
        fmt::format("Hv is {:.9g} by the complex tape, {:.9g} ± {:.1e} by differences of gradients", hv[worst],
                    estimate.value[worst], estimate.error[worst]),
        &variable, static_cast<std::int64_t>(worst) - variable.offset);
  return true;
}

}  // namespace tapehead
