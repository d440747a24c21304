#pragma once

#include "autograd/ops/activation.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// y = f(a) ∘ u, where a is the upper half of the rows of x and u the lower (Dauphin et al. 2017, "Language Modeling
/// with Gated Convolutional Networks", with f = σ; others: Shazeer 2020, "GLU Variants Improve Transformer"). x (2F, T,
/// B) → (F, T, B). The pullback makes f(a) and f′(a) again. Throws ShapeError for an odd number of rows.
template <Scalar T>
Var<T> gated(Var<T> x, Activation f);

}  // namespace tapehead
