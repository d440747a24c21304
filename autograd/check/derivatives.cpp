#include <algorithm>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/wrong_derivatives.hpp"

namespace tapehead {
namespace {

constexpr double kWellBelow = 0.01;      // of a tolerance: what an oracle's error may be at most
constexpr double kNoiseFactor = 8;       // from the noise of some draws to a bound
constexpr double kCoarse = 10;           // errors that coarse differences may be off by and say nothing
constexpr double kToSaySomething = 0.1;  // of a scale: differences that are coarser than this agree with anything
constexpr double kShareOfAll = 0.1;      // of the root mean square over all variables, in each scale

struct Probed {
  Direction direction;  // in the point
  Derivative derivative;
  bool control = false;  // along it differences are taken though they do not decide
  bool crossed = false;  // a kink lay between their probes
};

class DerivativeCheck {
 public:
  explicit DerivativeCheck(CheckContext& context)
      : context_(context),
        oracles_(context.problem, context.cotangent),
        differences_decide_(!oracles_.has_complex_step() || context.problem.dual_by_hand) {
    if (!oracles_.has_complex_step()) return;
    Evaluator<std::complex<double>> complex(context.problem);
    const std::vector<std::complex<double>> cotangent(context.cotangent.begin(), context.cotangent.end());
    for (const std::complex<double>& each : complex.gradient(cotangent)) complex_gradient_.push_back(each.real());
  }

  bool run() {
    lay_out();
    ask_oracles();
    bool decided = true;
    for (Probed& probed : probed_) {
      judge(probed);
      decided = decided && !(probed.derivative.verdict == Verdict::inconclusive && probed.crossed);
      crossed_ = crossed_ || probed.crossed;
      context_.report.derivatives.push_back(probed.derivative);
    }
    report_wrong_derivatives({.context = context_,
                              .oracles = oracles_,
                              .differences_decide = differences_decide_,
                              .complex_gradient = complex_gradient_,
                              .scales = scales_,
                              .crossed = crossed_});
    return decided;
  }

 private:
  const std::vector<Variable>& variables() const { return context_.problem.variables(); }

  void lay_out() {
    const bool composite = context_.problem.composite;
    for (std::size_t k = 0; k < variables().size(); ++k) {
      const Variable& variable = variables()[k];
      const std::int64_t size = variable.shape.size();
      if (size == 0) continue;
      const auto add = [&](Direction direction, std::int64_t first, std::int64_t count, bool control) {
        Derivative derivative{.variable = static_cast<std::int32_t>(k), .first = first, .count = count};
        derivative.analytic = direction.dot(context_.gradient);
        if (!complex_gradient_.empty()) derivative.complex_analytic = direction.dot(complex_gradient_);
        probed_.push_back({std::move(direction), derivative, control});
      };
      const bool each = size <= context_.options.elements;
      for (std::int64_t i = 0; each && i < size; ++i)
        add(Direction::along(variable.offset + i), i, 1, !composite || size == 1);
      const int directions = !each ? context_.options.directions : composite && size > 1 ? 1 : 0;
      for (int d = 0; d < directions; ++d) {
        add(context_.direction(Drawn::of_variable, variable.offset, size, d), 0, size, !composite || d == 0);
      }
    }
  }

  // The complex step first: its values say on what scale the differences must be right.
  void ask_oracles() {
    for (Probed& probed : probed_) {
      Derivative& d = probed.derivative;
      if (oracles_.has_complex_step())
        d.complex_step = oracles_.complex_step(probed.direction);
      else
        take_differences(probed, 0);
    }
    set_scales();
    if (!oracles_.has_complex_step()) return;
    for (Probed& probed : probed_) {
      if (!probed.control && !differences_decide_) continue;
      take_differences(probed, 0.5 * kWellBelow * context_.options.differences_tolerance * scale_of(probed.derivative));
    }
  }

  void take_differences(Probed& probed, double goal) {
    const RiddersEstimate estimate = oracles_.differences(probed.direction, goal);
    probed.crossed = estimate.crossed;
    if (!estimate.found) return;
    probed.derivative.differences = estimate.value[0];
    probed.derivative.differences_error = estimate.error[0];
  }

  double oracle(const Derivative& d) const { return oracles_.has_complex_step() ? d.complex_step : d.differences; }

  void set_scales() {
    std::vector<std::vector<double>> of_variable(variables().size());
    std::vector<double> all;
    for (const Probed& probed : probed_) {
      const double value = oracle(probed.derivative);
      if (!std::isfinite(value)) continue;
      of_variable[static_cast<std::size_t>(probed.derivative.variable)].push_back(value);
      all.push_back(value);
    }
    const double least = std::max(kShareOfAll * root_mean_square(all), context_.smallest_scale);
    for (const auto& values : of_variable) scales_.push_back(std::max(root_mean_square(values), least));
  }

  double scale_of(const Derivative& d) const {
    const double own = std::isfinite(oracle(d)) ? std::abs(oracle(d)) : 0;
    return std::max(own, scales_[static_cast<std::size_t>(d.variable)]);
  }

  void judge(Probed& probed) {
    Derivative& d = probed.derivative;
    const double scale = scale_of(d);
    double noise = 0;
    for (std::size_t i = 0; i < probed.direction.values.size(); ++i) {
      const double part =
          probed.direction.values[i] * context_.noise[static_cast<std::size_t>(probed.direction.first) + i];
      noise += part * part;
    }
    const double complex_bound = kNoiseFactor * std::sqrt(noise) + 4 * 0x1p-53 * scale;
    const double complex_tolerance = context_.options.tolerance * scale;
    const double differences_tolerance = context_.options.differences_tolerance * scale;
    d.tolerance = differences_decide_ ? differences_tolerance : complex_tolerance;
    d.error_bound =
        differences_decide_ ? (std::isnan(d.differences_error) ? HUGE_VAL : d.differences_error) : complex_bound;
    d.verdict = Verdict::pass;
    if (!(d.error_bound <= kWellBelow * d.tolerance)) d.verdict = Verdict::inconclusive;
    const auto off_by = [&](double value) {
      return std::isfinite(d.analytic) ? std::abs(d.analytic - value) : HUGE_VAL;
    };
    if (oracles_.has_complex_step()) {
      const double error = off_by(d.complex_step);
      note(context_.report.complex_step_error, error, scale);
      const double apart = off_by(d.complex_analytic);
      const double allowed = complex_tolerance + complex_bound;
      if (!(error <= allowed) || !(apart <= allowed)) d.verdict = Verdict::fail;
    }
    // Both oracles are to agree, so the other one must have something to say, too.
    const bool asked = probed.control || differences_decide_;
    if (asked && !(d.differences_error <= kToSaySomething * scale)) d.verdict = Verdict::inconclusive;
    if (!std::isnan(d.differences)) {
      const double error = off_by(d.differences);
      const bool fine = d.differences_error <= kWellBelow * differences_tolerance;
      if (fine) note(context_.report.differences_error, error, scale);
      // Coarse differences say no more than their own error does, which is an estimate itself.
      if (!(error <= (fine ? differences_tolerance : std::max(differences_tolerance, kCoarse * d.differences_error)))) {
        d.verdict = Verdict::fail;
      }
    }
    if (!std::isfinite(scale)) d.verdict = Verdict::inconclusive;
    if (!std::isfinite(d.analytic)) d.verdict = Verdict::fail;
  }

  static void note(double& largest, double error, double scale) {
    if (error > 0) largest = std::max(largest, scale > 0 ? error / scale : HUGE_VAL);
  }

  CheckContext& context_;
  Oracles oracles_;
  bool differences_decide_;
  std::vector<double> complex_gradient_;  // real parts: by the pullbacks on complex numbers
  bool crossed_ = false;
  std::vector<Probed> probed_;
  std::vector<double> scales_;  // of each variable
};

}  // namespace

bool check_derivatives(CheckContext& context) { return DerivativeCheck(context).run(); }

}  // namespace tapehead
