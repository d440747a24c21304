#include "autograd/check/wrong_derivatives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "autograd/check/diagnosis.hpp"
#include "autograd/check/numbers.hpp"

namespace tapehead {
namespace {

constexpr std::int64_t kExplained = 2048;  // a wrong variable up to this size is looked at element by element

class WrongDerivatives {
 public:
  explicit WrongDerivatives(const JudgedDerivatives& judged)
      : context_(judged.context),
        oracles_(judged.oracles),
        differences_decide_(judged.differences_decide),
        complex_gradient_(judged.complex_gradient),
        crossed_(judged.crossed) {}

  // One finding a variable: the worst derivative of it, and what all of it looks like.
  void report() {
    for (std::size_t k = 0; k < variables().size(); ++k) {
      const Derivative* worst = nullptr;
      std::int64_t failed = 0;
      std::int64_t inconclusive = 0;
      std::int64_t count = 0;
      for (const Derivative& d : context_.report.derivatives) {
        if (d.variable != static_cast<std::int64_t>(k)) continue;
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

 private:
  const std::vector<Variable>& variables() const { return context_.problem.variables(); }

  double oracle(const Derivative& d) const { return oracles_.has_complex_step() ? d.complex_step : d.differences; }

  // How far over what it may be off by.
  static double excess(const Derivative& d) {
    const double error = d.error - d.allowed;
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

  // What decided, with the error and what it was held against.
  static std::string reason_of(const Derivative& d) {
    const auto off = [&](const char* from) {
      return fmt::format("off by {:.2e} from {}, {:.2e} is allowed", d.error, from, d.allowed);
    };
    switch (d.ground) {
      case Ground::agreement:
        return "";
      case Ground::complex_step:
        return off("the complex step");
      case Ground::complex_pullback:
        return off("the pullbacks on complex numbers");
      case Ground::differences:
        return off("the differences");
      case Ground::differences_alone:
        return off("the differences") +
               ", which disagree with both: a derivative of dual numbers that is wrong in the same way, or a kink "
               "between the probes that no op notes (note_branches)";
      case Ground::complex_step_alone:
        return off("the complex step") +
               ", which disagrees with both: does the function take std::abs, conj or a comparison of complex numbers?";
      case Ground::kink:
        return off("the differences") + ", which disagree with both: a kink at the point? note_branches";
      case Ground::control_coarse:
        return off("the differences") + ", which are too coarse to be believed against the complex step";
      case Ground::oracle_coarse:
        return fmt::format("the oracle's error of {:.1e} is not below a hundredth of the tolerance {:.1e}", d.error,
                           d.tolerance);
      case Ground::says_nothing:
        return fmt::format(
            "the differences' error of {:.1e} is not below {:.1e}, a part of what they measure: a "
            "kink nearby that no op notes (note_branches)?",
            d.error, d.allowed);
      case Ground::lost_in_rounding:
        return fmt::format("off by {:.2e}, {:.2e} is allowed, but so small beside the others that it may be rounding",
                           d.error, d.allowed);
      case Ground::not_finite:
        return "not a finite number";
    }
    return "";
  }

  void report_undecided(const Variable& variable, std::int64_t undecided, std::int64_t count) {
    const Derivative* worst = nullptr;
    for (const Derivative& d : context_.report.derivatives) {
      if (&variables()[static_cast<std::size_t>(d.variable)] != &variable || d.verdict != Verdict::inconclusive)
        continue;
      if (worst == nullptr || excess(d) > excess(*worst)) worst = &d;
    }
    const bool says_numbers = worst->ground != Ground::oracle_coarse && worst->ground != Ground::says_nothing;
    context_.add(Finding{
        .check = "gradient",
        .verdict = Verdict::inconclusive,
        .text = fmt::format("{}: {} of {} derivatives: {}{}{}", place(variable, *worst), undecided, count,
                            says_numbers ? numbers_of(*worst) + "; " : "", reason_of(*worst),
                            crossed_ && worst->ground != Ground::kink ? "; a kink lies between the probes" : ""),
        .variable = variable.name});
  }

  // One element, or a direction over all of them.
  static std::string place(const Variable& variable, const Derivative& d) {
    return d.count == 1 ? place_of(variable, d.first) : variable.name + " (along a direction over all of it)";
  }

  void report_wrong(const Variable& variable, Derivative worst, std::int64_t failed, std::int64_t count) {
    Explanation explanation;
    // What the oracle that decides sees can be found element by element. What another one saw along a direction cannot.
    const bool by_oracle = worst.ground == (differences_decide_ ? Ground::differences : Ground::complex_step) ||
                           worst.ground == Ground::not_finite ||
                           (differences_decide_ && worst.ground == Ground::differences_alone);
    if (by_oracle && variable.shape.size() <= kExplained) {
      explanation = explain_elements(variable, worst);
    } else if (by_oracle) {
      worst = locate(variable, worst);
      explanation = explain_directions(variable);
    }
    std::string text = fmt::format("{}; {} of {} {} wrong: {}", numbers_of(worst), failed, count,
                                   variable.shape.size() <= context_.options.elements ? "derivatives" : "directions",
                                   reason_of(worst));
    if (!explanation.text.empty()) text += ": " + explanation.text;
    if (worst.count > 1) {
      context_.add(Finding{.check = "gradient",
                           .diagnosis = explanation.diagnosis,
                           .text = place(variable, worst) + ": " + text,
                           .variable = variable.name});
      return;
    }
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
    evidence.tolerance = std::isfinite(worst.allowed) ? worst.allowed : worst.tolerance;
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
    d.differences = d.differences_error = d.complex_step = Derivative::kNotTaken;
    (differences_decide_ ? d.differences : d.complex_step) = expected;
    if (d.ground != Ground::not_finite) d.error = wrongness(analytic, expected);
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
    const Direction direction = context_.direction(Drawn::halved, first, count);
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
    const auto [row, column, slice] = variable.shape.index(element);
    const auto part = std::ranges::find_if(variable.parts, [row = row](const RowPart& p) { return p.holds(row); });
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
        const auto at = static_cast<std::size_t>(out.offset({r, q, slice}));
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
  Oracles& oracles_;
  bool differences_decide_;
  const std::vector<double>& complex_gradient_;
  bool crossed_;
};

}  // namespace

void report_wrong_derivatives(const JudgedDerivatives& judged) { WrongDerivatives(judged).report(); }

}  // namespace tapehead
