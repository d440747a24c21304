#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Where the heads of a value are.
enum class HeadsIn {
  rows,    ///< (H·D, T, B), head h in rows h·D …
  slices,  ///< (R, C, H·B), slice h + H·b being head h of example b
};

/// Each head times a number of its own: y_h = factor_h · x_h. x as `heads` says, factor (H) → the shape of x. Throws
/// ShapeError where the factor is no vector or its heads do not divide x.
template <Scalar T>
Var<T> scale_heads(Var<T> x, Var<T> factor, HeadsIn heads);

}  // namespace tapehead
