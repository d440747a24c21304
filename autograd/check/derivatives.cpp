#include <algorithm>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/rounding.hpp"
#include "autograd/check/wrong_derivatives.hpp"

namespace tapehead {
namespace {

constexpr double kWellBelow = 0.01;      // of a tolerance: what an oracle's error may be at most
constexpr double kNoiseFactor = 8;       // from the noise of some draws to a bound
constexpr double kCoarse = 10;           // errors that coarse differences may be off by and say nothing
constexpr double kToSaySomething = 0.1;  // of a scale: differences that are coarser than this agree with anything
constexpr double kToDecide = 1e-3;       // of a derivative, where they decide
constexpr double kClearly = 0.01;        // of an error: who is this near agrees
constexpr double kShareOfAll = 0.1;      // of the root mean square over all variables, in each scale
// Rounding of a derivative beside its neighbours and beside the output, relative to their scale: what is off by less is
// not called wrong for certain.
constexpr double kRoundingOfNeighbours = 0x1p-44;
constexpr double kRoundingOfOutput = 0x1p-48;
constexpr double kRoundingOfZero = 0x1p-48;  // what is noise by its own measure passes below this
constexpr double kJump = 0.25;               // of an error: a derivative that jumps by as much at the point explains it

struct Probed {
  Direction direction;  // in the point
  Derivative derivative;
  bool control = false;  // along it differences are taken though they do not decide
  bool crossed = false;  // a kink lay between their probes
  double own = 0;        // Σ |cotangent ∘ ẏ|: what this derivative is a sum of, whatever its neighbours are
};

class DerivativeCheck {
 public:
  explicit DerivativeCheck(CheckContext& context)
      : context_(context),
        oracles_(context.problem, context.cotangent),
        differences_decide_(!oracles_.has_complex_step() || context.problem.dual_by_hand),
        largest_input_(largest_size(context.problem.point())) {
    std::vector<double> weighted = context.value;
    for (std::size_t o = 0; o < weighted.size(); ++o) weighted[o] *= context.cotangent[o];
    output_size_ = norm_of(weighted);
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
        Derivative derivative{.variable = static_cast<std::int64_t>(k), .first = first, .count = count};
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
      if (oracles_.has_complex_step()) {
        d.complex_step = oracles_.complex_step(probed.direction);
        probed.own = oracles_.terms();
      } else {
        take_differences(probed, 0);
        if (std::isfinite(d.differences)) probed.own = std::abs(d.differences);
      }
    }
    set_scales();
    if (!oracles_.has_complex_step()) return;
    for (Probed& probed : probed_) {
      if (!probed.control && !differences_decide_) continue;
      // Where differences decide, they must be right on the derivative's own scale, too.
      const double scale = differences_decide_ && probed.own > 0 ? std::min(probed.own, scale_of(probed.derivative))
                                                                 : scale_of(probed.derivative);
      take_differences(probed, 0.5 * kWellBelow * context_.options.differences_tolerance * scale);
    }
  }

  void take_differences(Probed& probed, double goal, bool confirmed = false) {
    const RiddersEstimate estimate = confirmed
                                         ? oracles_.confirmed_differences(probed.direction, goal, context_.terms())
                                         : oracles_.differences(probed.direction, goal);
    probed.crossed = probed.crossed || estimate.crossed;
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
    const Bounds bounds = bounds_of(probed);
    d.tolerance = differences_decide_ ? bounds.differences : bounds.complex_step;
    if (!std::isfinite(d.analytic)) return conclude(d, Verdict::fail, Ground::not_finite, d.analytic, 0);
    if (oracles_.has_complex_step()) {
      note(context_.report.complex_step_error, std::abs(d.analytic - d.complex_step), bounds.scale);
    }
    // The oracle that decides comes first: what it finds is said, and explained.
    if (!differences_decide_) against_complex_step(probed, bounds);
    if (d.verdict != Verdict::fail) against_differences(probed, bounds);
    if (differences_decide_ && d.verdict != Verdict::fail) against_complex_step(probed, bounds);
    if (d.verdict == Verdict::pass) is_decided(probed, bounds);
    if (d.verdict == Verdict::pass && !std::isfinite(bounds.scale)) {
      conclude(d, Verdict::inconclusive, Ground::not_finite, bounds.scale, 0);
    }
  }

  // What a derivative may be off by.
  struct Bounds {
    double scale;         // of its neighbours
    double noise;         // what rounding does to the analytic derivative
    double complex_step;  // tolerances, on that scale
    double differences;
    double own_complex_step;  // the same on its own scale, rounding included
    double own_differences;
    double rounding;  // what may be rounding beside the neighbours
  };

  Bounds bounds_of(const Probed& probed) const {
    Bounds bounds{};
    bounds.scale = scale_of(probed.derivative);
    std::vector<double> noise;
    for (std::size_t i = 0; i < probed.direction.values.size(); ++i) {
      noise.push_back(probed.direction.values[i] *
                      context_.noise[static_cast<std::size_t>(probed.direction.first) + i]);
    }
    double underflow = 0;
    for (const double each : context_.cotangent) underflow += kComplexUnderflow * std::abs(each);
    bounds.noise = kNoiseFactor * norm_of(noise) + underflow;
    bounds.complex_step = context_.options.tolerance * bounds.scale;
    bounds.differences = context_.options.differences_tolerance * bounds.scale;
    const double rounding =
        bounds.noise + 0x1p-48 * probed.own +
        (bounds.noise >= std::max(probed.own, std::abs(probed.derivative.analytic)) ? kRoundingOfZero * bounds.scale
                                                                                    : 0);
    bounds.rounding = std::max(kRoundingOfNeighbours * bounds.scale, kRoundingOfOutput * output_size_);
    if (bounds.rounding == 0) bounds.rounding = kRoundingOfOutput * largest_input_;
    bounds.own_complex_step = context_.options.tolerance * probed.own + rounding;
    bounds.own_differences = context_.options.differences_tolerance * probed.own + rounding;
    return bounds;
  }

  // Only what looks wrong is held against this, which costs a pass.
  double may_be_rounding(const Bounds& bounds) const {
    return std::max(bounds.rounding, kRoundingOfTerms * context_.terms());
  }

  void against_complex_step(Probed& probed, const Bounds& bounds) {
    Derivative& d = probed.derivative;
    if (!oracles_.has_complex_step()) return;
    const double error = std::abs(d.analytic - d.complex_step);
    const double apart = std::abs(d.analytic - d.complex_analytic);
    const double allowed = bounds.complex_step + bounds.noise + 4 * 0x1p-53 * bounds.scale;
    const double furthest = std::max(error, apart);
    if (furthest > allowed && furthest <= may_be_rounding(bounds)) {  // nothing but rounding is left
      return conclude(d, Verdict::inconclusive, Ground::lost_in_rounding, furthest, allowed);
    }
    if (!(error <= allowed)) {
      const bool alone = precise(d, bounds) && std::abs(d.analytic - d.differences) <= kClearly * error;
      return conclude(d, Verdict::fail, alone ? Ground::complex_step_alone : Ground::complex_step, error, allowed);
    }
    if (!(apart <= allowed)) return conclude(d, Verdict::fail, Ground::complex_pullback, apart, allowed);
    // Small beside its neighbours, and still to be right; unless rounding is all that there is of it.
    if (error <= bounds.own_complex_step) return;
    const double noise = kNoiseFactor * oracles_.complex_step_noise(probed.direction, context_.seed, context_.terms());
    const double nothing = kNoiseFactor * bounds.noise;
    if (std::abs(d.complex_step) <= noise && std::abs(d.analytic) <= nothing) return;
    const bool sure = error > std::max(may_be_rounding(bounds), noise);
    if (!sure && d.verdict != Verdict::pass) return;
    conclude(d, sure ? Verdict::fail : Verdict::inconclusive, sure ? Ground::complex_step : Ground::lost_in_rounding,
             error, bounds.own_complex_step);
  }

  bool precise(const Derivative& d, const Bounds& bounds) const {
    return d.differences_error <= kWellBelow * bounds.differences;
  }

  // Coarse differences say no more than their own error does, which is an estimate itself.
  double allowed_by_differences(const Derivative& d, const Bounds& bounds) const {
    const double coarse = precise(d, bounds) ? 0 : kCoarse * d.differences_error;
    return std::max(bounds.differences, coarse) + bounds.noise;
  }

  void against_differences(Probed& probed, const Bounds& bounds) {
    Derivative& d = probed.derivative;
    if (std::isnan(d.differences)) return;
    const auto error = [&] { return std::abs(d.analytic - d.differences); };
    const auto disagree = [&] { return !(error() <= allowed_by_differences(d, bounds)); };
    const auto disagree_on_own_scale = [&] {
      return differences_decide_ && !(error() <= std::max(bounds.own_differences, kCoarse * d.differences_error));
    };
    if (disagree() || disagree_on_own_scale()) take_differences(probed, 0, true);
    if (precise(d, bounds)) note(context_.report.differences_error, error(), bounds.scale);
    const bool off = disagree();
    if (!off && !disagree_on_own_scale()) return;
    const double allowed =
        off ? allowed_by_differences(d, bounds) : std::max(bounds.own_differences, kCoarse * d.differences_error);
    const bool complex_agrees =
        oracles_.has_complex_step() && std::abs(d.analytic - d.complex_step) <= bounds.complex_step + bounds.noise;
    if (complex_agrees && !(oracles_.jump(probed.direction) < kJump * error())) {
      return conclude(d, Verdict::inconclusive, Ground::kink, error(), allowed);
    }
    if (complex_agrees && !differences_decide_ && !precise(d, bounds)) {
      return conclude(d, Verdict::inconclusive, Ground::control_coarse, error(), allowed);
    }
    if (error() <= std::max(may_be_rounding(bounds), complex_agrees ? kRoundingOfOutput * largest_input_ : 0)) {
      return conclude(d, Verdict::inconclusive, Ground::lost_in_rounding, error(), allowed);
    }
    conclude(d, Verdict::fail, complex_agrees ? Ground::differences_alone : Ground::differences, error(), allowed);
  }

  // Whether an agreement says something.
  void is_decided(Probed& probed, const Bounds& bounds) {
    Derivative& d = probed.derivative;
    d.error_bound = differences_decide_
                        ? (std::isnan(d.differences_error) ? HUGE_VAL : std::max(d.differences_error, bounds.noise))
                        : bounds.noise + 4 * 0x1p-53 * bounds.scale;
    const bool nothing = d.analytic == 0 && oracle(d) == 0 && !(std::abs(d.differences) > 0);  // nothing moves
    if (nothing) return;
    if (!(d.error_bound <= kWellBelow * d.tolerance)) {
      conclude(d, Verdict::inconclusive, Ground::oracle_coarse, d.error_bound, kWellBelow * d.tolerance);
    }
    // Both oracles are to agree, so the other one must have something to say, too; and where there are differences
    // alone, about this derivative, however small it is beside the others.
    if (!probed.control && !differences_decide_) return;
    const double own = std::max(std::abs(d.analytic), std::abs(d.differences));
    if (!oracles_.has_complex_step() && !(d.differences_error <= kToDecide * own)) {
      conclude(d, Verdict::inconclusive, Ground::says_nothing, d.differences_error, kToDecide * own);
    } else if (!(d.differences_error <= kToSaySomething * bounds.scale)) {
      conclude(d, Verdict::inconclusive, Ground::says_nothing, d.differences_error, kToSaySomething * bounds.scale);
    }
  }

  static void conclude(Derivative& d, Verdict verdict, Ground ground, double error, double allowed) {
    if (d.verdict == Verdict::inconclusive && verdict == Verdict::inconclusive) return;  // the first reason stands
    d.verdict = verdict;
    d.ground = ground;
    d.error = error;
    d.allowed = allowed;
  }

  static void note(double& largest, double error, double scale) {
    if (error > 0) largest = std::max(largest, scale > 0 ? error / scale : HUGE_VAL);
  }

  CheckContext& context_;
  Oracles oracles_;
  bool differences_decide_;
  std::vector<double> complex_gradient_;  // real parts: by the pullbacks on complex numbers
  double output_size_ = 0;                // ‖cotangent ∘ y‖
  double largest_input_;                  // what an op that cancels, x · Φ(x), rounds beside
  bool crossed_ = false;
  std::vector<Probed> probed_;
  std::vector<double> scales_;  // of each variable
};

}  // namespace

bool check_derivatives(CheckContext& context) { return DerivativeCheck(context).run(); }

}  // namespace tapehead
