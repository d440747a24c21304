#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Which neighbours of a position unfold() gathers.
struct Neighbours {
  std::int64_t width = 1;                 ///< how many
  std::int64_t left = 0;                  ///< of them before the position itself: width − 1 of a causal convolution
  const std::int32_t* lengths = nullptr;  ///< of each slice: what stands past it is not read; nullptr: all of it counts
  /// Position of x at which the first column of each slice of y stands, and how many columns there are: where a
  /// model writes on behind what it has read. nullptr: y stands where x does.
  const std::int32_t* first = nullptr;
  std::int64_t columns = 0;
};

/// The neighbourhood of every position, one neighbour below another: y[c + C j, t, b] = x[c, t + j − left, b], and zero
/// where there is no such position. A product with it is a convolution (im2col: Chellapilla, Puri & Simard 2006, "High
/// Performance Convolutional Neural Networks for Document Processing"). x (C, T, B) → (width C, T, B), or (width C,
/// columns, B) with `first`. Throws ShapeError for a width below one, or left outside 0 … width − 1. What `lengths` and
/// `first` point at must outlive the backward pass.
template <Scalar T>
Var<T> unfold(Var<T> x, const Neighbours& neighbours);

}  // namespace tapehead
