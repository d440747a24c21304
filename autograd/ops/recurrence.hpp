#pragma once

#include <cstdint>

namespace tapehead {

/// How an op reads a sequence that keeps a state from position to position (linear_attention, retention,
/// gated_linear_attention, delta_rule, cumulative_mean).
///
/// A `state` that such an op is given (one block of numbers for each head and slice, zeros before the first position)
/// holds what the positions before have left, and then what these leave: a sequence may be read in pieces. It is a
/// constant, through which no gradient flows.
struct RecurrenceOptions {
  std::int64_t heads = 1;
  /// Positions of each slice that are read, from the first on; nullptr: all. What is not read gives zeros and gets no
  /// gradient. They must outlive the backward pass.
  const std::int32_t* lengths = nullptr;
  bool backwards = false;  ///< from the last of these positions to the first
};

}  // namespace tapehead
