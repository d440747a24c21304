#include "experiments/runs/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace tapehead {

Spread spread_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  Spread spread;
  for (const double value : values) spread.mean += value / count;
  if (values.size() < 2) return spread;
  // Shares of the largest difference: squares of large numbers would overflow.
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value - spread.mean));
  if (largest == 0) {
    spread.deviation = 0;
    return spread;
  }
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) / largest * ((value - spread.mean) / largest);
  spread.deviation = largest * std::sqrt(squares / (count - 1));
  return spread;
}

}  // namespace tapehead
