#pragma once

#include <cstdint>
#include <vector>

#include "autograd/base/tokens.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Cosine and sine of position · base^(−2i / channels), for each pair i of channels and each position: made once,
/// shared by all calls. Throws ConfigError for an odd number of channels, a base of 1 or less, or sizes below one.
class RotaryTable {
 public:
  RotaryTable(std::int64_t channels, std::int64_t positions, double base = 10000);
  /// Turns of one's own, for each position cosine, sine, cosine, sine … of its pairs: angles scaled in another way.
  /// Throws ConfigError for an odd number of channels, or where the turns are not whole positions.
  RotaryTable(std::int64_t channels, std::vector<double> turns);

  std::int64_t channels() const { return channels_; }
  std::int64_t positions() const { return positions_; }
  /// cosine, sine, cosine, sine … of a position.
  const double* at(std::int64_t position) const { return turns_.data() + position * channels_; }

 private:
  std::int64_t channels_, positions_;
  std::vector<double> turns_;
};

struct RotaryOptions {
  std::int64_t heads = 1;               ///< that are turned: rows [0, heads · width); the others are copied
  std::int64_t width = 0;               ///< of a head; its first table.channels() channels are turned
  bool pairs = false;                   ///< channels 2i and 2i + 1 turn together; else i and i + channels / 2
  std::int64_t offset = 0;              ///< position of the first column
  const std::int32_t* first = nullptr;  ///< more positions before the first column of each example; nullptr: none
  TokenView places = {};                ///< where each column stands, behind these; empty: one after the other
};

/// Rotary positions (Su et al. 2021, "RoFormer", eq. 34; partial: Black et al. 2022): two channels of a head are a
/// point of the plane that is turned by an angle that grows with its position, so that the product of a query and a key
/// depends on their distance alone. x (R, T, B) → (R, T, B). Table and places must outlive the backward pass. Throws
/// ShapeError if the rows do not hold such heads, DataError for a position beyond the table.
template <Scalar T>
Var<T> rotary(Var<T> x, const RotaryTable& table, const RotaryOptions& options);

}  // namespace tapehead
