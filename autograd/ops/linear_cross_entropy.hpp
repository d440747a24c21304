#pragma once

#include "autograd/ops/cross_entropy.hpp"

namespace tapehead {

/// cross_entropy(affine(x, weight, bias), expected, options) as one op, for large vocabularies:
///
///     z_n = Wᵀ x_n + b,   loss = Σ_n [ logΣexp(z_n) − (1 − ε) z_n[target] − ε · mean(z_n) ] / denominator
///
/// x (C, T, B), weight (C, V), bias (V) or empty, expected (T, B) → (1, 1, 1). Only columns whose targets count are
/// multiplied. Keeps one (V, N) matrix for N counted targets, which holds logits, then exponentials, then their
/// gradient; without a gradient, a block of columns. `expected` must outlive backward(). Throws what affine() and
/// cross_entropy() throw.
template <Scalar T>
Var<T> linear_cross_entropy(Var<T> x, Var<T> weight, Var<T> bias, TokenView expected,
                            const CrossEntropyOptions& options = {});

}  // namespace tapehead
