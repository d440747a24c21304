#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace tapehead {

/// The largest size; not a number if any is none.
inline double largest_size(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (!(std::abs(value) <= largest)) largest = std::abs(value);
    if (std::isnan(largest)) return largest;
  }
  return largest;
}

/// √Σx², without overflow on the way.
inline double norm_of(std::span<const double> values) {
  const double largest = largest_size(values);
  if (largest == 0 || !std::isfinite(largest)) return largest;
  double square = 0;
  for (const double value : values) square += (value / largest) * (value / largest);
  return largest * std::sqrt(square);
}

/// √(Σx² / n); 0 of nothing.
inline double root_mean_square(std::span<const double> values) {
  return values.empty() ? 0 : norm_of(values) / std::sqrt(static_cast<double>(values.size()));
}

}  // namespace tapehead
