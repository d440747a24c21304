#pragma once

#include <optional>
#include <span>

namespace tapehead {

struct Spread {
  double mean = 0;
  /// Standard deviation of a sample, √(Σ(x − mean)² / (n − 1)); none for a single value.
  std::optional<double> deviation = {};
};

/// REQUIRES: at least one value, and finite ones: what is no number has no mean.
Spread spread_of(std::span<const double> values);

}  // namespace tapehead
