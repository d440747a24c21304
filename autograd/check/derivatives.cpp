#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/diagnosis.hpp"
#include "autograd/check/numbers.hpp"

namespace tapehead {
namespace {

constexpr double kWellBelow = 0.01;        // of a tolerance: what an oracle's error may be at most
constexpr double kNoiseFactor = 8;         // from the noise of some draws to a bound
constexpr double kCoarse = 10;             // errors that coarse differences may be off by and say nothing
constexpr double kToSaySomething = 0.1;    // of a scale: differences that are coarser than this agree with anything
constexpr double kShareOfAll = 0.1;        // of the root mean square over all variables, in each scale
constexpr std::int64_t kExplained = 2048;  // a wrong variable up to this size is looked at element by element

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
    report_findings();
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
        add(Direction::random(variable.offset, size, context_.seed + 17 * static_cast<std::uint64_t>(d + 1)), 0, size,
            !composite || d == 0);
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
    for (const auto& values : of_variable) scales_.push_back(root_mean_square(values));
    least_scale_ = std::max(kShareOfAll * root_mean_square(all), context_.smallest_scale);
  }

  double scale_of(const Derivative& d) const {
    const double own = std::isfinite(oracle(d)) ? std::abs(oracle(d)) : 0;
    return std::max({own, scales_[static_cast<std::size_t>(d.variable)], least_scale_});
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

  // One finding a variable: the worst derivative of it, and what all of it looks like.
  void report_findings() {
    for (std::size_t k = 0; k < variables().size(); ++k) {
      const Derivative* worst = nullptr;
      std::int64_t failed = 0;
      std::int64_t inconclusive = 0;
      std::int64_t count = 0;
      for (const Derivative& d : context_.report.derivatives) {
        if (d.variable != static_cast<std::int32_t>(k)) continue;
        ++count;
        failed += d.verdict == Verdict::fail;
        inconclusive += d.verdict == Verdict::inconclusive;
        if (d.verdict == Verdict::fail && (worst == nullptr || excess(d) > excess(*worst))) worst = &d;
      }
      if (count == 0 && variables()[k].shape.size() > 0) {
        context_.add("gradient", Diagnosis::none, variables()[k], 0, "no derivative of it was checked");
      }
      if (worst != nullptr) report_wrong(variables()[k], *worst, failed, count);
      if (worst == nullptr && inconclusive > 0) report_undecided(variables()[k], inconclusive, count);
    }
  }

  double excess(const Derivative& d) const {
    const double reference = differences_decide_ && !std::isnan(d.differences) ? d.differences : oracle(d);
    double error = std::abs(d.analytic - reference);
    if (oracles_.has_complex_step()) error += std::abs(d.analytic - d.complex_analytic);
    return std::isnan(error) ? HUGE_VAL : error;
  }

  static std::string numbers_of(const Derivative& d) {
    std::string text = fmt::format("analytic {:.9g}", d.analytic);
    if (std::abs(d.complex_analytic - d.analytic) > d.tolerance) {
      text += fmt::format(" ({:.9g} in complex numbers)", d.complex_analytic);
    }
    if (!std::isnan(d.complex_step)) text += fmt::format(", complex step {:.9g}", d.complex_step);
    if (!std::isnan(d.differences))
      text += fmt::format(", differences {:.9g} ± {:.1e}", d.differences, d.differences_error);
    return text;
  }

  void report_undecided(const Variable& variable, std::int64_t undecided, std::int64_t count) {
    const auto least = std::ranges::find_if(context_.report.derivatives, [&](const Derivative& d) {
      return &variables()[static_cast<std::size_t>(d.variable)] == &variable && d.verdict == Verdict::inconclusive;
    });
    context_.add(
        Finding{.check = "gradient",
                .verdict = Verdict::inconclusive,
                .text = fmt::format(
                    "{}: {} of {} derivatives: the oracle's error of {:.1e} is not below a hundredth of the tolerance "
                    "{:.1e}{}",
                    variable.name, undecided, count, least->error_bound, least->tolerance,
                    crossed_ ? "; a kink lies between the probes" : ""),
                .variable = variable.name});
  }

  void report_wrong(const Variable& variable, Derivative worst, std::int64_t failed, std::int64_t count) {
    Explanation explanation;
    if (variable.shape.size() <= kExplained) {
      explanation = explain_elements(variable, worst);
    } else {
      worst = locate(variable, worst);
      explanation = explain_directions(variable);
    }
    std::string text = fmt::format("{}; {} of {} {} wrong", numbers_of(worst), failed, count,
                                   variable.shape.size() <= context_.options.elements ? "derivatives" : "directions");
    if (!explanation.text.empty()) text += ": " + explanation.text;
    text += attended_by(variable, worst.first);
    context_.add("gradient", explanation.diagnosis, variable, worst.first, std::move(text));
  }

  double decide(std::int64_t element) {
    if (!differences_decide_) return oracles_.complex_step(Direction::along(element));
    const RiddersEstimate estimate = oracles_.differences(Direction::along(element), 0);
    return estimate.found ? estimate.value[0] : Derivative::kNotTaken;
  }

  // Of a gradient against an oracle, which may have nothing to say.
  static double wrongness(double analytic, double expected) {
    if (!std::isfinite(analytic)) return HUGE_VAL;
    return std::isfinite(expected) ? std::abs(analytic - expected) : 0;
  }

  // The gradient of the whole variable against the oracle; `worst` becomes its worst element.
  Explanation explain_elements(const Variable& variable, Derivative& worst) {
    Evidence evidence{.variable = variable,
                      .analytic = {},
                      .expected = {},
                      .tangents = {},
                      .cotangent = context_.cotangent,
                      .output = context_.output_shape};
    double largest = -1;
    const bool by_directions = worst.count > 1;
    for (std::int64_t i = 0; i < variable.shape.size(); ++i) {
      const std::int64_t element = variable.offset + i;
      evidence.analytic.push_back(context_.gradient[static_cast<std::size_t>(element)]);
      evidence.expected.push_back(decide(element));
      if (oracles_.has_complex_step()) evidence.tangents.push_back(oracles_.tangents(Direction::along(element)));
      const double error = wrongness(evidence.analytic.back(), evidence.expected.back());
      if (error > largest) {
        largest = error;
        if (by_directions) worst = element_of(worst, i, evidence.analytic.back(), evidence.expected.back());
      }
    }
    const double scale = std::max(scales_[static_cast<std::size_t>(worst.variable)], least_scale_);
    evidence.tolerance =
        std::max(worst.tolerance,
                 (differences_decide_ ? context_.options.differences_tolerance : context_.options.tolerance) * scale);
    return explain(evidence);
  }

  Derivative element_of(const Derivative& direction, std::int64_t element, double analytic, double expected) const {
    Derivative d = direction;
    d.first = element;
    d.count = 1;
    d.analytic = analytic;
    d.complex_analytic = complex_gradient_.empty()
                             ? Derivative::kNotTaken
                             : complex_gradient_[static_cast<std::size_t>(
                                   variables()[static_cast<std::size_t>(d.variable)].offset + element)];
    d.differences = d.differences_error = Derivative::kNotTaken;
    (differences_decide_ ? d.differences : d.complex_step) = expected;
    return d;
  }

  // Halves the range of a direction that fails, keeping a half that still does, down to one element.
  Derivative locate(const Variable& variable, const Derivative& failed) {
    std::int64_t first = variable.offset;
    std::int64_t count = variable.shape.size();
    while (count > 1) {
      const std::int64_t half = count / 2;
      if (is_wrong(first, half) >= is_wrong(first + half, count - half)) {
        count = half;
      } else {
        first += half;
        count -= half;
      }
    }
    return element_of(failed, first - variable.offset, context_.gradient[static_cast<std::size_t>(first)],
                      decide(first));
  }

  double is_wrong(std::int64_t first, std::int64_t count) {
    const Direction direction = Direction::random(first, count, context_.seed + 5);
    if (oracles_.has_complex_step())
      return wrongness(direction.dot(context_.gradient), oracles_.complex_step(direction));
    const RiddersEstimate estimate = oracles_.differences(direction, 0);
    return wrongness(direction.dot(context_.gradient), estimate.found ? estimate.value[0] : Derivative::kNotTaken);
  }

  // Of a large variable: one ratio along every direction is a factor.
  Explanation explain_directions(const Variable& variable) const {
    std::vector<double> ratios;
    for (const Derivative& d : context_.report.derivatives) {
      if (&variables()[static_cast<std::size_t>(d.variable)] == &variable) ratios.push_back(d.analytic / oracle(d));
    }
    for (const double ratio : ratios) {
      if (!(std::abs(ratio - ratios[0]) <= 1e-8 * std::abs(ratios[0]))) return {};
    }
    if (ratios[0] == 0) return {Diagnosis::not_connected, "the gradient is zero: nothing reaches it"};
    if (std::abs(ratios[0] + 1) < 1e-8) return {Diagnosis::sign, "the right numbers with the other sign"};
    return {Diagnosis::factor, "the right numbers times " + recognised(ratios[0])};
  }

  // For an element of keys or values: the query through which most of its error comes.
  std::string attended_by(const Variable& variable, std::int64_t element) {
    const AttentionRule& rule = context_.problem.attention;
    if (!rule.may_attend || !oracles_.has_complex_step()) return {};
    const std::int64_t row = element % variable.shape.rows;
    const std::int64_t column = element / variable.shape.rows % variable.shape.columns;
    const std::int64_t slice = element / (variable.shape.rows * variable.shape.columns);
    const auto part = std::ranges::find_if(variable.parts, [&](const RowPart& p) { return p.holds(row); });
    if (part == variable.parts.end()) return {};
    const std::int64_t head = part->head_of(row);
    if (part->name == "query") return fmt::format("; (head {}, query {}, every key)", head, column);
    const std::vector<double> tangent = oracles_.tangents(Direction::along(variable.offset + element));
    const Shape& out = context_.output_shape;
    std::int64_t found = 0;
    double largest = -1;
    for (std::int64_t q = 0; q < out.columns; ++q) {
      std::vector<double> only(context_.cotangent.size(), 0.0);
      double expected = 0;
      for (std::int64_t r = 0; r < out.rows; ++r) {
        const auto at = static_cast<std::size_t>(r + out.rows * (q + out.columns * slice));
        only[at] = context_.cotangent[at];
        expected += only[at] * tangent[at];
      }
      const double error =
          std::abs(context_.evaluator.gradient(only)[static_cast<std::size_t>(variable.offset + element)] - expected);
      if (error > largest) {
        largest = error;
        found = q;
      }
    }
    return fmt::format("; (head {}, query {}, key {})", head, found, column);
  }

  CheckContext& context_;
  Oracles oracles_;
  bool differences_decide_;
  std::vector<double> complex_gradient_;  // real parts: by the pullbacks on complex numbers
  bool crossed_ = false;
  std::vector<Probed> probed_;
  std::vector<double> scales_;
  double least_scale_ = 0;
};

}  // namespace

bool check_derivatives(CheckContext& context) { return DerivativeCheck(context).run(); }

}  // namespace tapehead
