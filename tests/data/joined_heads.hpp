#pragma once

#include <cstdint>
#include <vector>

namespace tapehead::testing_support {

/// (B, H, T, D) of a file is (D, T, H, B) here; joined it is (H·D, T, B).
inline std::vector<double> join_heads(const std::vector<double>& x, const std::vector<std::int64_t>& shape) {
  const std::int64_t examples = shape[0], heads = shape[1], positions = shape[2], width = shape[3];
  std::vector<double> joined;
  for (std::int64_t b = 0; b < examples; ++b) {
    for (std::int64_t t = 0; t < positions; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto first = x.begin() + width * (t + positions * (h + heads * b));
        joined.insert(joined.end(), first, first + width);
      }
    }
  }
  return joined;
}

}  // namespace tapehead::testing_support
