#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/base/random.hpp"

namespace tapehead {

/// Which elements dropout keeps, by their coordinates.
class KeepRule {
 public:
  /// Throws ConfigError "<op>: the rate must be in [0, 1), not …".
  KeepRule(const char* op, double rate, const RandomStream& random);

  double rate() const { return rate_; }
  /// What a kept element is multiplied by.
  double factor() const { return 1 / (1 - rate_); }

  /// Calls f(i, keep) for i in [0, count): element first + i of the column at (example, position, block). Four
  /// neighbours share the four words of one draw. REQUIRES: first is a multiple of 4.
  template <class F>
  void for_each(std::uint32_t example, std::uint32_t position, std::uint32_t block, std::int64_t first,
                std::int64_t count, F f) const {
    for (std::int64_t i = 0; i < count; i += 4) {
      const auto words = random_.bits(example, position, static_cast<std::uint32_t>((first + i) / 4), block);
      for (std::int64_t lane = 0; lane < std::min<std::int64_t>(4, count - i); ++lane) {
        f(i + lane, words[static_cast<std::size_t>(lane)] >= threshold_);
      }
    }
  }
  /// The same from the first element on.
  template <class F>
  void for_each(std::uint32_t example, std::uint32_t position, std::uint32_t block, std::int64_t count, F f) const {
    for_each(example, position, block, 0, count, f);
  }

 private:
  double rate_;
  std::uint32_t threshold_;
  RandomStream random_;
};

}  // namespace tapehead
