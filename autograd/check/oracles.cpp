#include "autograd/check/oracles.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "autograd/base/random.hpp"
#include "autograd/check/numbers.hpp"
#include "autograd/check/rounding.hpp"

namespace tapehead {
namespace {

// Where probes begin, for inputs of size about one: near enough that Neville's scheme converges for the functions at
// hand, far enough that rounding does not matter.
constexpr double kFirstProbe = 0x1p-3;
// Error of a computed value relative to its size: no less than this, a guess for sums of some length.
constexpr double kRounding = 4 * 0x1p-53;
// Steps over which a smooth function is a parabola to working precision: what is left of third differences is noise.
constexpr double kNoiseStep = 0x1p-20;

}  // namespace

Direction Direction::random(std::int64_t first, std::int64_t count, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::gradient_check, 2);
  Direction direction{first, std::vector<double>(static_cast<std::size_t>(count))};
  double square = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::uint32_t>(i);
    const double size = 0.5 + stream.uniform(static_cast<std::uint32_t>(first), at, 0);
    const double value = stream.uniform(static_cast<std::uint32_t>(first), at, 1) < 0.5 ? -size : size;
    direction.values[static_cast<std::size_t>(i)] = value;
    square += value * value;
  }
  for (double& value : direction.values) value /= std::sqrt(square);
  return direction;
}

double Direction::dot(const std::vector<double>& gradient) const {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * gradient[static_cast<std::size_t>(first) + i];
  return sum;
}

Oracles::Oracles(const Problem& problem, std::vector<double> cotangent)
    : cotangent_(std::move(cotangent)), real_(problem) {
  if (problem.function().takes<std::complex<double>>()) complex_.emplace(problem);
  real_.value();
  branches_ = real_.branches();
  rounding_ = std::max(kRounding, measured_noise(problem));
  // Rules written by hand stand for approximations whose errors are small beside one, not beside themselves.
  beside_input_ = problem.dual_by_hand ? kRounding * largest_size(problem.point()) : 0;
}

// The noise of the values, relative to their size, by third differences along a line (Hamming 1971, §1.4; Moré & Wild
// 2011): those of a smooth function vanish like the cube of the step, those of noise σ have the variance 20 σ².
double Oracles::measured_noise(const Problem& problem) {
  const std::vector<double> at = real_.point();
  const Direction line = Direction::random(0, problem.size(), 9);
  std::vector<double> third = real_.output();
  const auto weighted = [&] {
    std::vector<double> values;
    for (std::size_t o = 0; o < third.size(); ++o) values.push_back(cotangent_[o] * third[o]);
    return norm_of(values);
  };
  const double size = weighted();
  for (double& y : third) y = -y;
  constexpr double kWeights[] = {3, -3, 1};
  for (int k = 1; k <= 3; ++k) {
    for (std::size_t i = 0; i < at.size(); ++i) real_.point()[i] = at[i] + k * kNoiseStep * line.values[i];
    real_.value();
    for (std::size_t o = 0; o < third.size(); ++o) third[o] += kWeights[k - 1] * real_.output()[o];
    if (real_.branches() == branches_) continue;
    real_.point() = at;
    return 0;
  }
  real_.point() = at;
  const double noise = size > 0 ? weighted() / (std::sqrt(20.0) * size) : 0;
  return std::isfinite(noise) ? 4 * noise : 0;
}

const std::vector<double>& Oracles::tangents(const Direction& direction) {
  auto* point = complex_->point().data() + direction.first;
  for (std::size_t i = 0; i < direction.values.size(); ++i) point[i].imag(kComplexStep * direction.values[i]);
  const auto y = complex_->value();
  tangents_.resize(y.size());
  for (std::size_t o = 0; o < y.size(); ++o) tangents_[o] = y[o].imag() / kComplexStep;
  for (std::size_t i = 0; i < direction.values.size(); ++i) point[i].imag(0);
  return tangents_;
}

double Oracles::complex_step(const Direction& direction) {
  tangents(direction);
  double sum = 0;
  for (std::size_t o = 0; o < tangents_.size(); ++o) sum += cotangent_[o] * tangents_[o];
  return sum;
}

double Oracles::terms() const {
  double sum = 0;
  for (std::size_t o = 0; o < tangents_.size(); ++o) sum += std::abs(cotangent_[o] * tangents_[o]);
  return sum;
}

double Oracles::complex_step_noise(const Direction& direction, std::uint64_t seed, double terms) {
  constexpr std::uint32_t kDraws = 4;
  const double step = kComplexStep / std::sqrt(static_cast<double>(direction.values.size()));
  const double here = complex_step(direction);
  const auto point = complex_->point();
  double noise = 0;
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    RoundingObserver<std::complex<double>> rounding(seed, draw, 0x1p-52, step);
    complex_->tape().set_observer(&rounding);
    round_point(complex_->point(), seed, draw);
    noise = std::max(noise, std::abs(complex_step(direction) - here));
    complex_->point() = point;
  }
  complex_->tape().set_observer(nullptr);
  for (std::uint32_t draw = 0; draw < kDraws; ++draw) {
    const double factor = another_multiple(seed, draw, 3);
    const double there = complex_step({direction.first, multiple_of(direction.values, factor)}) / factor;
    raise_noise(noise, std::abs(there - here), kRoundingOfTerms * terms);
  }
  return noise;
}

// False when the sides taken are not those of the point.
bool Oracles::evaluate(const Direction& direction, double step) {
  double* point = real_.point().data() + direction.first;
  const std::vector<double> at(point, point + direction.values.size());
  for (std::size_t i = 0; i < at.size(); ++i) point[i] = at[i] + step * direction.values[i];
  real_.value();
  std::copy(at.begin(), at.end(), point);
  return real_.branches() == branches_;
}

// Differences are taken for each output before they are summed: an output that does not move adds no rounding.
std::optional<Difference> Oracles::probe(const Direction& direction, double from, double to, double terms) {
  if (!evaluate(direction, to)) return {};
  const std::vector<double> above = real_.output();
  if (!evaluate(direction, from)) return {};
  const std::vector<double>& below = real_.output();
  double difference = 0;
  std::vector<double> rounding;
  const double in_steps = 0.5 * kRounding * terms;
  std::vector<double> unmoved;
  double weight = 0;
  for (std::size_t o = 0; o < above.size(); ++o) {
    difference += cotangent_[o] * (above[o] - below[o]);
    weight = std::max(weight, std::abs(cotangent_[o]));
    if (above[o] == below[o]) {
      unmoved.push_back(cotangent_[o] * above[o]);
      continue;
    }
    rounding.push_back(cotangent_[o] * (rounding_ * (std::abs(above[o]) + std::abs(below[o])) + 2 * beside_input_));
  }
  if (!std::isfinite(difference)) return {};
  // Where nothing moves at all, it may have moved by less than the last digit.
  if (rounding.empty())
    return Difference{{difference}, {in_steps + 2 * beside_input_ * weight + 0x1p-53 * norm_of(unmoved)}};
  return Difference{{difference}, {in_steps + norm_of(rounding)}};
}

double Oracles::jump(const Direction& direction) {
  evaluate(direction, 0);
  const std::vector<double> here = real_.output();
  double least = HUGE_VAL;
  for (const double h : {0x1p-16, 0x1p-20, 0x1p-24}) {
    const auto slope = [&](double step) {
      evaluate(direction, step);
      double sum = 0;
      for (std::size_t o = 0; o < here.size(); ++o) sum += cotangent_[o] * (real_.output()[o] - here[o]);
      return sum / step;
    };
    least = std::min(least, std::abs(slope(h) - slope(-h)));
  }
  return least;
}

// 1 or −1: the function is a number on this side of the point alone. 0: on both, or on none.
double Oracles::only_side(const Direction& direction) {
  const auto moved =
      std::span(real_.point()).subspan(static_cast<std::size_t>(direction.first), direction.values.size());
  const double near = 0x1p-40 * std::max(1.0, largest_size(moved));  // what would round away is no step
  const auto is_number = [&](double step) {
    return evaluate(direction, step) && std::isfinite(largest_size(real_.output()));
  };
  const bool above = is_number(near);
  const std::vector<double> there = real_.output();
  const bool below = is_number(-near);
  const std::vector<double>& other = above ? real_.output() : there;
  if (above == below || std::isfinite(largest_size(other))) return 0;  // a kink is no edge
  return above ? 1 : -1;
}

template <class F>
RiddersEstimate Oracles::on_both_sides_or_one(const Direction& direction, double terms, F estimate) {
  RiddersEstimate found = estimate([&](double h) { return probe(direction, -h, h, terms); }, Probes::central);
  if (!found.crossed) return found;
  const double side = only_side(direction);
  if (side == 0) return found;
  return estimate([&](double h) { return probe(direction, side > 0 ? 0 : -h, side > 0 ? h : 0, terms); },
                  Probes::one_sided);
}

RiddersEstimate Oracles::differences(const Direction& direction, double goal) {
  return on_both_sides_or_one(
      direction, 0, [&](const DifferenceProbe& at, Probes probes) { return ridders(at, kFirstProbe, goal, probes); });
}

RiddersEstimate Oracles::confirmed_differences(const Direction& direction, double goal, double terms) {
  return on_both_sides_or_one(direction, terms, [&](const DifferenceProbe& at, Probes probes) {
    return confirmed_ridders(at, kFirstProbe, goal, probes);
  });
}

}  // namespace tapehead
