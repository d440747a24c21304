#include "autograd/check/ridders.hpp"

#include <algorithm>
#include <cmath>

namespace tapehead {
namespace {

constexpr int kLevels = 10;
constexpr int kHalvings = 40;     // down to 2^-40 of the first step, where kinks force probes together
constexpr int kStarts = 8;        // from 1/3 of the first step down to a few millionths of it
constexpr double kHopeless = 16;  // errors that have grown so far come from rounding: no further level helps

// The tableau of one component: entry j of the last row extrapolates j times.
class Tableau {
 public:
  explicit Tableau(double order) : order_(order) {}

  void restart() {
    row_.clear();
    best_error_ = HUGE_VAL;
  }

  // Takes the quotient at half the last step. `rounding` is its own error.
  void add(double quotient, double rounding) {
    std::vector<double> next{quotient};
    double factor = 1;
    for (std::size_t j = 0; j < row_.size(); ++j) {
      factor *= order_;
      next.push_back((factor * next[j] - row_[j]) / (factor - 1));
      const double error = std::max(std::abs(next[j + 1] - next[j]), std::abs(next[j + 1] - row_[j])) + 2 * rounding;
      if (error < best_error_) {
        best_error_ = error;
        best_ = next[j + 1];
      }
      last_error_ = error;
    }
    row_ = std::move(next);
  }

  double best() const { return best_; }
  double error() const { return best_error_; }
  bool hopeless() const { return row_.size() > 3 && last_error_ > kHopeless * best_error_; }
  std::size_t rows() const { return row_.size(); }

 private:
  double order_;  // what halving the step divides the next error by: 4 where errors go by h², 2 where they go by h
  std::vector<double> row_;
  double best_ = 0, best_error_ = HUGE_VAL, last_error_ = HUGE_VAL;
};

}  // namespace

RiddersEstimate ridders(const DifferenceProbe& probe, double step, double goal, Probes probes) {
  const bool central = probes == Probes::central;
  RiddersEstimate estimate;
  std::vector<Tableau> tableaus;
  double h = step;
  int levels = 0;
  for (int halving = 0; halving < kHalvings && levels < kLevels; ++halving, h /= 2) {
    const std::optional<Difference> found = probe(h);
    if (!found) {  // wider probes cannot be trusted either
      estimate.crossed = true;
      for (Tableau& each : tableaus) each.restart();
      levels = 0;
      continue;
    }
    tableaus.resize(found->difference.size(), Tableau(central ? 4 : 2));
    ++levels;
    bool done = true;
    for (std::size_t i = 0; i < tableaus.size(); ++i) {
      const double apart = central ? 2 * h : h;
      tableaus[i].add(found->difference[i] / apart, found->rounding[i] / apart);
      done = done && (tableaus[i].error() <= goal || tableaus[i].hopeless());
    }
    if (done && levels > 1) break;
  }
  estimate.found = levels > 1;
  for (const Tableau& each : tableaus) {
    estimate.value.push_back(each.best());
    estimate.error.push_back(estimate.found ? each.error() : HUGE_VAL);
  }
  return estimate;
}

RiddersEstimate confirmed_ridders(const DifferenceProbe& probe, double step, double goal, Probes probes) {
  std::vector<RiddersEstimate> found;
  bool crossed = false;
  for (int start = 0; start < kStarts; ++start) {
    step /= start == 0 ? 3 : 5;
    RiddersEstimate one = ridders(probe, step, goal, probes);
    crossed = crossed || one.crossed;
    if (one.found) found.push_back(std::move(one));
  }
  if (found.size() < 2) return {{}, {}, crossed, false};
  RiddersEstimate best = found[0];
  best.crossed = crossed;
  for (std::size_t i = 0; i < best.value.size(); ++i) {
    best.error[i] = HUGE_VAL;
    for (const RiddersEstimate& one : found) {
      double confirmed = HUGE_VAL;
      for (const RiddersEstimate& other : found) {
        if (&other != &one) confirmed = std::min(confirmed, std::abs(one.value[i] - other.value[i]));
      }
      const double error = std::max(one.error[i], confirmed);
      if (error >= best.error[i]) continue;
      best.error[i] = error;
      best.value[i] = one.value[i];
    }
  }
  return best;
}

}  // namespace tapehead
