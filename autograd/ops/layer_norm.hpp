#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Layer normalisation down each column (Ba, Kiros & Hinton 2016):
///
///     y = gain ∘ (x − μ) / √(σ² + ε) + bias,   μ and σ² the mean and the population variance of the column
///
/// x (C, T, B), gain (C), bias (C) → (C, T, B); an empty gain stands for ones, an empty bias for zeros. Keeps μ and
/// 1/√(σ² + ε) of each column. Throws ShapeError if C == 0 or gain or bias do not match, ConfigError if ε ≤ 0.
template <Scalar T>
Var<T> layer_norm(Var<T> x, Var<T> gain = {}, Var<T> bias = {}, double epsilon = 1e-5);

}  // namespace tapehead
