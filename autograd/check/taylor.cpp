#include "autograd/check/taylor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "autograd/check/evaluator.hpp"
#include "autograd/check/hessian.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/oracles.hpp"

namespace tapehead {
namespace {

constexpr int kSteps = 36;                 // from 1 down to 2⁻³⁵
constexpr double kRounding = 4 * 0x1p-53;  // of a value, relative to its size
constexpr double kAbove = 256;             // times rounding: what a remainder must be to have a slope
constexpr std::size_t kPairs = 3;          // neighbouring steps whose slopes are compared
constexpr double kShort = 0.15;            // that a slope may fall short by
constexpr std::uint64_t kLines = 5;        // directions and cotangents
constexpr int kDraws = 8;                  // samples that are tried before a kink leaves too few steps
constexpr std::size_t kEnough = 8;         // steps

double weighted_sum(std::span<const double> cotangent, std::span<const double> y) {
  long double sum = 0;  // what is rounded is the function's own, not this sum
  for (std::size_t o = 0; o < y.size(); ++o)
    sum += static_cast<long double>(cotangent[o]) * static_cast<long double>(y[o]);
  return static_cast<double>(sum);
}

class Taylor {
 public:
  Taylor(const Problem& problem, std::uint64_t seed) : problem_(problem), evaluator_(problem) {
    const auto y = evaluator_.value();
    here_.assign(y.begin(), y.end());
    for (std::uint64_t k = 0; k < kLines; ++k) {
      Line line{.direction = Direction::random(0, problem.size(), seed + 2 * k),
                .cotangent = Direction::random(0, std::ssize(here_), seed + 2 * k + 1).values};
      line.slope = line.direction.dot(evaluator_.gradient(line.cotangent));
      branches_ = evaluator_.branches();
      if (problem.function().takes<std::complex<double>>()) {
        line.curvature = line.direction.dot(hessian_vector_product(problem, line.direction.values, line.cotangent));
      }
      lines_.push_back(std::move(line));
    }
  }

  bool is_finite() const {
    const bool second = problem_.function().takes<std::complex<double>>();
    return std::isfinite(largest_size(here_)) && std::ranges::all_of(lines_, [&](const Line& line) {
             return std::isfinite(line.slope) && (std::isfinite(line.curvature) || !second);
           });
  }

  std::vector<TaylorStep> steps() {
    std::vector<TaylorStep> all;
    double h = 1;
    for (int k = 0; k < kSteps; ++k, h /= 2) {
      if (const auto step = step_of(h)) {
        all.push_back(*step);
      } else {
        all.clear();  // wider steps lie beyond the kink, too
      }
    }
    return all;
  }

 private:
  struct Line {
    Direction direction;
    std::vector<double> cotangent;
    double slope = 0;                          // φ′(0)
    double curvature = Derivative::kNotTaken;  // φ″(0); none of a function that takes no complex numbers
  };

  // Nothing where a kink lies between, or a value is not finite.
  std::optional<TaylorStep> step_of(double h) {
    std::array<std::vector<double>, 3> remainders;
    std::vector<double> rounding;
    for (const Line& line : lines_) {
      const std::vector<double> change = change_along(line.direction, h);
      if (change.empty()) return {};
      const double found = weighted_sum(line.cotangent, change);
      remainders[0].push_back(found);
      remainders[1].push_back(found - h * line.slope);
      remainders[2].push_back(found - h * line.slope - h * h / 2 * line.curvature);
      std::vector<double> of_values;  // an output that does not move adds none
      for (std::size_t o = 0; o < change.size(); ++o) {
        if (change[o] != 0) of_values.push_back(line.cotangent[o] * (std::abs(here_[o]) + std::abs(change[o])));
      }
      rounding.push_back(std::max(kRounding * norm_of(of_values), 0x1p-52 * std::abs(h * line.slope)));
    }
    const auto size = [](const std::vector<double>& values) { return root_mean_square(values); };
    return TaylorStep{h, {size(remainders[0]), size(remainders[1]), size(remainders[2])}, size(rounding)};
  }

  // f(x + h v) − f(x); empty where a kink lies between, or a value is not finite.
  std::vector<double> change_along(const Direction& direction, double h) {
    const std::vector<double> point = evaluator_.point();
    for (std::size_t i = 0; i < point.size(); ++i) evaluator_.point()[i] = point[i] + h * direction.values[i];
    const auto y = evaluator_.value();
    std::vector<double> change(y.begin(), y.end());
    evaluator_.point() = point;
    if (evaluator_.branches() != branches_) return {};
    for (std::size_t o = 0; o < change.size(); ++o) change[o] -= here_[o];
    if (!std::isfinite(largest_size(change))) change.clear();
    return change;
  }

  const Problem& problem_;
  Evaluator<double> evaluator_;
  std::vector<double> here_;
  std::vector<Line> lines_;
  std::uint64_t branches_ = 0;
};

}  // namespace

std::array<double, 3> TaylorTest::slopes() const {
  std::array<double, 3> slopes{};
  for (std::size_t order = 0; order < slopes.size(); ++order) {
    std::vector<double> found;  // the last ones, of the smallest steps
    for (std::size_t k = 1; k < steps.size(); ++k) {
      const double wide = steps[k - 1].remainders[order];
      const double near = steps[k].remainders[order];
      if (near > kAbove * steps[k].rounding && wide > 0) found.push_back(std::log2(wide / near));
    }
    const std::size_t last = std::min(found.size(), kPairs);
    std::sort(found.end() - static_cast<std::ptrdiff_t>(last), found.end());
    slopes[order] = last == 0 ? std::numeric_limits<double>::quiet_NaN() : found[found.size() - 1 - last / 2];
  }
  return slopes;
}

Verdict TaylorTest::verdict() const {
  if (!why_not.empty() || steps.size() < 2) return Verdict::inconclusive;
  const std::array<double, 3> found = slopes();
  for (std::size_t order = 0; order < found.size(); ++order) {
    if (found[order] < static_cast<double>(order + 1) - kShort) return Verdict::fail;
  }
  return Verdict::pass;
}

TaylorTest taylor_test(const ProblemCase& problem_case, std::uint64_t seed) {
  TaylorTest test;
  for (int draw = 0; draw < (problem_case.one_point ? 1 : kDraws); ++draw) {
    test = {.name = problem_case.name,
            .seed = seed + (static_cast<std::uint64_t>(draw) << 32U),
            .steps = {},
            .why_not = {}};
    try {
      const Problem problem = problem_case.draw(test.seed);
      if (test.why_not = problem.function().why_not_double(); !test.why_not.empty()) return test;
      if (problem.size() == 0) {
        test.why_not = "there is nothing to differentiate by";
        return test;
      }
      Taylor taylor(problem, test.seed);
      if (taylor.is_finite()) {
        test.steps = taylor.steps();
      } else {
        test.why_not = "the output, or a derivative, is not a finite number at this point";
      }
    } catch (const std::exception& error) {
      test.why_not = error.what();
    }
    if (test.steps.size() >= kEnough) return test;
  }
  if (test.why_not.empty() && test.steps.size() < 2) test.why_not = "a kink lies within every step";
  return test;
}

}  // namespace tapehead
