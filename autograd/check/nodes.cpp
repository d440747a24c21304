#include "autograd/check/nodes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "autograd/base/errors.hpp"
#include "autograd/check/evaluator.hpp"
#include "autograd/check/oracles.hpp"
#include "autograd/check/rounding.hpp"

namespace tapehead {
namespace {

using Complex = std::complex<double>;

constexpr double kTolerance = 1e-10;        // of the sizes that are summed
constexpr double kRounding = 64 * 0x1p-53;  // of adjoints that a contribution is told apart from
constexpr double kNoiseFactor = 16;         // from the noise of some draws to a bound
constexpr std::uint32_t kNoiseDraws = 4;
constexpr std::uint32_t kMultiples = 12;  // at most: until rounding explains what looked wrong

// Tangents of every value that an op read or made, by place on the tape.
class TangentRecorder : public TapeObserver<Complex> {
 public:
  void on_record(Var<Complex> y, std::span<const Var<Complex>> inputs) override {
    for (const Var<Complex>& x : inputs) {
      if (x) keep(x);
    }
    keep(y);
    ops_.resize(std::max<std::size_t>(ops_.size(), y.index() + 1));
    ops_[y.index()] = y.op();
  }

  const std::vector<double>& of(std::uint32_t index) const { return tangents_.at(index); }
  const char* op(std::uint32_t index) const { return index < ops_.size() ? ops_[index] : nullptr; }

 private:
  void keep(const Var<Complex>& x) {
    tangents_.resize(std::max<std::size_t>(tangents_.size(), x.index() + 1));
    std::vector<double>& tangent = tangents_[x.index()];
    if (!tangent.empty()) return;
    for (std::int64_t i = 0; i < x.shape().size(); ++i) tangent.push_back(x.data()[i].imag() / kComplexStep);
  }

  std::vector<std::vector<double>> tangents_;
  std::vector<const char*> ops_;
};

class DualityCheck : public TapeObserver<double> {
 public:
  explicit DualityCheck(const TangentRecorder& tangents, RoundingObserver<double>* rounding = nullptr)
      : tangents_(tangents), rounding_(rounding) {}

  NodeCheck result;
  std::vector<double> off;    // ⟨d_y, ẏ⟩ − Σ ⟨d_x, ẋ⟩ of each node
  std::vector<double> terms;  // that both sides are made of: see largest_terms

  void on_record(Var<double> y, std::span<const Var<double>> inputs) override {
    if (rounding_ != nullptr) rounding_->on_record(y, inputs);
    const char* other = tangents_.op(y.index());
    const bool same =
        other != nullptr && std::strcmp(other, y.op()) == 0 && std::ssize(tangents_.of(y.index())) == y.shape().size();
    if (!same) {
      throw GradientError(fmt::format("gradient check: node {} is {} in double and {} in complex numbers", y.index(),
                                      y.op(), other == nullptr ? "absent" : other));
    }
    inputs_.resize(y.index() + 1);
    for (const Var<double>& x : inputs) {
      auto& known = inputs_[y.index()];
      const bool seen = std::ranges::any_of(known, [&](const Var<double>& k) { return k.index() == x.index(); });
      if (x && !seen) known.push_back(x);
    }
    result.size = y.index() + 1;
  }

  void before_pullback(Var<double> y) override {
    expected_ = Sum{};
    const std::vector<double>& tangent = tangents_.of(y.index());
    const double* d_y = y.tape().adjoint(y);
    for (std::size_t i = 0; i < tangent.size(); ++i) {
      expected_.add(d_y[i] * tangent[i]);
      expected_.weights += std::abs(d_y[i]);
      expected_.beside += std::abs(d_y[i] * y.data()[i]);
    }
    before_.clear();
    for (const Var<double>& x : inputs_[y.index()]) {
      const double* d_x = x.needs_gradient() ? y.tape().adjoint(x) : nullptr;
      auto& kept = before_.emplace_back(static_cast<std::size_t>(x.shape().size()), 0.0);
      if (d_x != nullptr) std::copy_n(d_x, kept.size(), kept.begin());
    }
  }

  void after_pullback(Var<double> y) override {
    Sum found;
    double rounding = 0;
    std::string cut;
    const auto& inputs = inputs_[y.index()];
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const std::vector<double>& tangent = tangents_.of(inputs[k].index());
      const double* d_x = inputs[k].needs_gradient() ? y.tape().adjoint(inputs[k]) : nullptr;
      if (d_x == nullptr && std::ranges::any_of(tangent, [](double t) { return t != 0; })) {
        cut += fmt::format("{}input {} ({}, node {})", cut.empty() ? "" : ", ", k, inputs[k].op(), inputs[k].index());
      }
      for (std::size_t i = 0; d_x != nullptr && i < tangent.size(); ++i) {
        found.add((d_x[i] - before_[k][i]) * tangent[i]);
        rounding += kRounding * std::abs(before_[k][i] * tangent[i]);
      }
    }
    ++result.checked;
    const double bound = kTolerance * (expected_.size + found.size) + rounding + kComplexUnderflow * expected_.weights +
                         8 * 0x1p-53 * expected_.beside;
    off.resize(std::max<std::size_t>(off.size(), y.index() + 1));
    terms.resize(off.size());
    off[y.index()] = expected_.total - found.total;
    double largest = 0;
    for (const double each : tangents_.of(y.index())) largest = std::max(largest, std::abs(each));
    terms[y.index()] = expected_.weights * largest + expected_.beside;
    if (std::isfinite(bound) && std::abs(expected_.total - found.total) <= bound) return;
    NodeFault fault{y.op(), y.index(), expected_.total, found.total, bound, Verdict::fail, Diagnosis::none, {}};
    if (!cut.empty()) {
      fault.diagnosis = Diagnosis::not_connected;
      fault.detail = "no gradient reaches its " + cut;
    } else if (found.size == 0) {
      fault.diagnosis = Diagnosis::not_connected;
    } else if (std::abs(expected_.total + found.total) <= bound && std::abs(expected_.total) > 100 * bound) {
      fault.diagnosis = Diagnosis::sign;
    }
    result.faults.push_back(std::move(fault));
  }

 private:
  struct Sum {
    double total = 0, size = 0;
    double weights = 0;  // Σ |d_y|
    double beside = 0;   // Σ |d_y ∘ y|: a tangent that cancels inside its op rounds beside the value
    void add(double term) {
      total += term;
      size += std::abs(term);
    }
  };

  const TangentRecorder& tangents_;
  RoundingObserver<double>* rounding_;  // moves the values before they are used, or nullptr
  std::vector<std::vector<Var<double>>> inputs_;
  std::vector<std::vector<double>> before_;
  Sum expected_;
};

// Tangents of all nodes along a direction.
TangentRecorder tangents_along(std::span<const double> direction, Evaluator<Complex>& complex,
                               std::span<const double> cotangent) {
  for (std::size_t i = 0; i < direction.size(); ++i) complex.point()[i].imag(kComplexStep * direction[i]);
  TangentRecorder tangents;
  complex.tape().set_observer(&tangents);
  complex.gradient(std::vector<Complex>(cotangent.begin(), cotangent.end()));
  complex.tape().set_observer(nullptr);
  return tangents;
}

}  // namespace

NodeCheck check_nodes(const Problem& problem, std::span<const double> cotangent, std::span<const double> direction,
                      std::uint64_t seed) {
  Evaluator<Complex> complex(problem);
  const TangentRecorder tangents = tangents_along(direction, complex, cotangent);
  Evaluator<double> real(problem);
  DualityCheck duality(tangents);
  real.tape().set_observer(&duality);
  real.gradient(cotangent);
  auto& faults = duality.result.faults;
  if (faults.empty()) return std::move(duality.result);

  // What looks wrong may be rounding, where a pullback or a tangent cancels: then it changes when the values are
  // rounded otherwise, or when both sides are computed for another multiple of the direction and of the cotangent.
  std::vector<double> noise(duality.off.size(), 0.0);
  const auto off_of = [&](DualityCheck& moved, std::span<const double> weights) {
    real.tape().set_observer(&moved);
    real.gradient(weights);
    moved.off.resize(noise.size());
    return moved.off;
  };
  for (std::uint32_t draw = 0; draw < kNoiseDraws; ++draw) {
    RoundingObserver<double> rounding(seed, draw, 0x1p-52);
    DualityCheck moved(tangents, &rounding);
    round_point(real.point(), seed, draw);
    const std::vector<double> off = off_of(moved, cotangent);
    real.point() = problem.point();
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = std::max(noise[i], std::abs(off[i] - duality.off[i]));
  }
  const auto explained = [&](const NodeFault& fault) {
    return std::abs(fault.expected - fault.found) <= fault.bound + kNoiseFactor * noise[fault.index];
  };
  for (std::uint32_t draw = 0; draw < kMultiples && !std::ranges::all_of(faults, explained); ++draw) {
    const double along = another_multiple(seed, draw, 1);
    const double across = another_multiple(seed, draw, 2);
    const TangentRecorder again = tangents_along(multiple_of(direction, along), complex, cotangent);
    DualityCheck multiple(again);
    const std::vector<double> off = off_of(multiple, multiple_of(cotangent, across));
    for (std::size_t i = 0; i < noise.size(); ++i) {
      raise_noise(noise[i], std::abs(off[i] / (along * across) - duality.off[i]), kRoundingOfTerms * duality.terms[i]);
    }
  }
  std::erase_if(faults, explained);
  for (NodeFault& fault : faults) {
    fault.bound += kNoiseFactor * noise[fault.index];
    const bool lost = std::abs(fault.expected - fault.found) <= kRoundingOfTerms * duality.terms[fault.index];
    if (lost) fault.verdict = Verdict::inconclusive;
  }
  return std::move(duality.result);
}

double largest_terms(const Problem& problem, std::span<const double> cotangent, std::span<const double> direction) {
  if (!problem.function().takes<Complex>()) return 0;
  Evaluator<Complex> complex(problem);
  const TangentRecorder tangents = tangents_along(direction, complex, cotangent);
  Evaluator<double> real(problem);
  DualityCheck duality(tangents);
  real.tape().set_observer(&duality);
  real.gradient(cotangent);
  return duality.terms.empty() ? 0 : std::ranges::max(duality.terms);
}

}  // namespace tapehead
