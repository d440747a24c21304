#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// What an op is given that reads a sequence through a cell (elman, gru, lstm): G gates of H channels each, which see
/// x_t and the h before it, and a state of S times H channels, h on top.
///
/// The result (S·H, T, B) is the state behind each position. Time is linear in T; all products with x are one product.
template <Scalar T>
struct CellInputs {
  Var<T> x;                    ///< (C, T, B)
  Var<T> weight;               ///< (C, G·H), of x, gate beside gate
  Var<T> recurrent;            ///< (H, G·H), of the h before, likewise
  Var<T> bias = {};            ///< (G·H); left out: none
  Var<T> recurrent_bias = {};  ///< (H), of a gru alone, see there; left out: none
  Var<T> first = {};           ///< (S·H, 1, B), the state before the first position; left out: zeros
};

/// How it reads.
struct CellOptions {
  /// Positions of each slice that are read, from the first on; nullptr: all. What is not read gives zeros and gets no
  /// gradient. They must outlive the backward pass.
  const std::int32_t* lengths = nullptr;
  bool backwards = false;  ///< from the last of these positions to the first
};

}  // namespace tapehead
