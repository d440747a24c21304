#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/check/context.hpp"
#include "autograd/check/numbers.hpp"

namespace tapehead {
namespace {

constexpr double kTolerance = 1e-12;  // of the largest number compared: sums in another order
constexpr double kNoiseFactor = 16;   // from the noise of some draws to a bound for two of them

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return same_bits(x, y); });
}

// The first element that differs by more than rounding of terms of size `largest`, and of noise(i) where terms cancel;
// or -1.
template <class F>
std::int64_t first_difference(const std::vector<double>& a, const std::vector<double>& b, double largest, F noise) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= kTolerance * largest + kNoiseFactor * noise(i))) return static_cast<std::int64_t>(i);
  }
  return -1;
}

std::vector<double> multiple(const std::vector<double>& values, double factor) {
  std::vector<double> scaled = values;
  for (double& value : scaled) value *= factor;
  return scaled;
}

// Again on the same tape, whose memory holds the numbers of another point in between.
void check_determinism(CheckContext& context) {
  Evaluator<double>& evaluator = context.evaluator;
  const std::vector<double> point = evaluator.point();
  evaluator.gradient(context.cotangent);
  if (const std::int64_t changed = evaluator.changed(); changed >= 0) {
    const Variable& variable = context.problem.variable_of(changed);
    context.add("input", Diagnosis::none, variable, changed - variable.offset,
                "this number is another after the backward pass: an op writes into what it reads");
  }
  const std::vector<double> y = evaluator.output();
  for (double& x : evaluator.point()) x = 0.75 * x + 0.03125;
  evaluator.gradient(multiple(context.cotangent, -3));
  evaluator.point() = point;
  const std::vector<double> again = evaluator.gradient(context.cotangent);
  if (!same_bits(y, evaluator.output())) {
    context.add(
        Finding{.check = "determinism", .text = "the same point gives other values the second time", .variable = {}});
  }
  if (same_bits(again, context.gradient)) return;
  for (std::size_t i = 0; i < again.size(); ++i) {
    if (same_bits(again[i], context.gradient[i])) continue;
    const Variable& variable = context.problem.variable_of(static_cast<std::int64_t>(i));
    context.add("determinism", Diagnosis::none, variable, static_cast<std::int64_t>(i) - variable.offset,
                fmt::format("the same point gives another gradient the second time: {:.9g}, then {:.9g}",
                            context.gradient[i], again[i]));
    return;
  }
}

// Every subset of a few inputs; of many each alone, and all but each.
std::vector<std::uint64_t> subsets_of(std::uint32_t inputs) {
  std::vector<std::uint64_t> subsets;
  const std::uint64_t all = (std::uint64_t{1} << inputs) - 1;
  for (std::uint64_t some = 0; inputs <= 8 && some < all; ++some) subsets.push_back(some);
  for (std::uint32_t one = 0; inputs > 8 && one < inputs; ++one) {
    subsets.push_back(std::uint64_t{1} << one);
    subsets.push_back(all & ~(std::uint64_t{1} << one));
  }
  return subsets;
}

void check_subsets(CheckContext& context) {
  const auto inputs = static_cast<std::uint32_t>(context.problem.inputs());
  for (const std::uint64_t wanted : subsets_of(std::min(inputs, 63U))) {
    const std::vector<double> part = context.evaluator.gradient_of_some(context.cotangent, wanted);
    for (std::uint32_t k = 0; k < std::min(inputs, 63U); ++k) {
      if ((wanted >> k & 1U) == 0) continue;
      const Variable& variable = context.problem.variables()[k];
      const auto* begin = part.data() + variable.offset;
      const auto* whole = context.gradient.data() + variable.offset;
      const auto [at, other] = std::mismatch(begin, begin + variable.shape.size(), whole);
      if (at == begin + variable.shape.size()) continue;
      std::string needing;
      for (std::uint32_t j = 0; j < std::min(inputs, 63U); ++j) {
        if ((wanted >> j & 1U) != 0) needing += (needing.empty() ? "" : ", ") + context.problem.variables()[j].name;
      }
      context.add("subset", Diagnosis::none, variable, at - begin,
                  fmt::format("{:.9g} when only {} need a gradient, {:.9g} when all do", *at, needing, *other));
      return;
    }
  }
}

// Names what happened to contributions that should have been added, `one` and `other`: some are missing, or there are
// more of them. Other numbers have other reasons.
Diagnosis accumulation(double found, double one, double other) {
  const double tolerance = 1e-9 * (std::abs(one) + std::abs(other));
  const auto is = [&](double times, double others) {
    return std::abs(found - times * one - others * other) <= tolerance * std::max(1.0, times + others);
  };
  if (is(0, 0) || is(1, 0) || is(0, 1)) return Diagnosis::accumulated_too_few;
  for (const double times : {1.0, 2.0, 3.0}) {
    for (const double others : {1.0, 2.0, 3.0}) {
      if (times + others > 2 && is(times, others)) return Diagnosis::accumulated_too_many;
    }
  }
  return Diagnosis::none;
}

void report_accumulation(CheckContext& context, std::int64_t i, double found, double expected, double once,
                         const std::string& when) {
  const Variable& variable = context.problem.variable_of(i);
  const Diagnosis diagnosis = accumulation(found, once, expected - once);
  const char* why = diagnosis == Diagnosis::accumulated_too_few    ? ": contributions overwrite each other"
                    : diagnosis == Diagnosis::accumulated_too_many ? ": contributions are counted again"
                                                                   : "";
  context.add("accumulation", diagnosis, variable, i - variable.offset,
              fmt::format("{:.9g} {}, but contributions add up to {:.9g}{}", found, when, expected, why));
}

void check_two_uses(CheckContext& context) {
  const std::vector<double> twice = context.evaluator.gradient_of_uses(context.cotangent, 2);
  const std::vector<double> expected = multiple(context.gradient, 2);
  const std::int64_t i =
      first_difference(twice, expected, largest_size(expected), [&](std::size_t at) { return 2 * context.noise[at]; });
  if (i < 0) return;
  const auto at = static_cast<std::size_t>(i);
  report_accumulation(context, i, twice[at], expected[at], context.gradient[at], "when used twice");
}

// What reaches no output has no gradient, and gives none.
void check_unused(CheckContext& context) {
  const std::vector<double> beside = context.evaluator.gradient_beside_unused(context.cotangent);
  for (std::size_t i = 0; i < beside.size(); ++i) {
    if (same_bits(beside[i], context.gradient[i])) continue;
    const Variable& variable = context.problem.variable_of(static_cast<std::int64_t>(i));
    context.add("unused", Diagnosis::none, variable, static_cast<std::int64_t>(i) - variable.offset,
                fmt::format("{:.9g} alone, {:.9g} when the function is used twice more and those outputs go nowhere",
                            context.gradient[i], beside[i]));
    return;
  }
}

void check_aliases(CheckContext& context) {
  const auto& variables = context.problem.variables();
  const std::vector<double> point = context.evaluator.point();
  for (std::size_t a = 0; a < static_cast<std::size_t>(context.problem.inputs()); ++a) {
    for (std::size_t b = a + 1; b < static_cast<std::size_t>(context.problem.inputs()); ++b) {
      if (variables[a].shape != variables[b].shape) continue;
      const std::int64_t size = variables[a].shape.size();
      auto* values = context.evaluator.point().data();
      std::copy_n(values + variables[a].offset, size, values + variables[b].offset);
      const std::vector<double> apart = context.evaluator.gradient(context.cotangent);
      const std::vector<double> alias = context.evaluator.gradient_of_alias(context.cotangent, a, b);
      context.evaluator.point() = point;
      std::vector<double> found, expected;
      for (std::int64_t i = 0; i < size; ++i) {
        const auto from = static_cast<std::size_t>(variables[a].offset + i);
        found.push_back(alias[from]);
        expected.push_back(apart[from] + apart[static_cast<std::size_t>(variables[b].offset + i)]);
      }
      const double largest = largest_size(apart);
      if (!std::isfinite(largest)) continue;  // one of them does not take the other's values
      const std::int64_t i = first_difference(found, expected, largest, [&](std::size_t at) {
        return context.noise[static_cast<std::size_t>(variables[a].offset) + at] +
               context.noise[static_cast<std::size_t>(variables[b].offset) + at];
      });
      if (i < 0) continue;
      const auto at = static_cast<std::size_t>(i);
      report_accumulation(context, variables[a].offset + i, found[at], expected[at],
                          apart[static_cast<std::size_t>(variables[a].offset + i)],
                          "when it is " + variables[b].name + " too");
    }
  }
}

}  // namespace

void check_consistency(CheckContext& context) {
  check_determinism(context);
  check_two_uses(context);
  check_unused(context);
  if (context.problem.composite) return;
  check_subsets(context);
  check_aliases(context);
}

}  // namespace tapehead
