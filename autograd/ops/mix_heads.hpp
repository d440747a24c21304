#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// The heads of each example mixed: y_h = Σ_g weight(g, h) · x_g (Shazeer et al. 2020, "Talking-Heads Attention", §4).
/// x (R, C, G·B), slice g + G·b being head g of example b; weight (G, H) → (R, C, H·B). Throws ShapeError where the
/// weight is no matrix or its G does not divide the slices.
template <Scalar T>
Var<T> mix_heads(Var<T> x, Var<T> weight);

}  // namespace tapehead
