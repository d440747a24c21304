#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// Root mean square normalisation down each column (Zhang & Sennrich 2019, eq. 4): layer_norm without the mean.
///
///     y = gain ∘ x / √(mean(x²) + ε)
///
/// x (C, T, B), gain (C) → (C, T, B); an empty gain stands for ones. Keeps 1/√(mean(x²) + ε) of each column.
/// Throws ShapeError if C == 0 or gain does not match, ConfigError if ε ≤ 0.
template <Scalar T>
Var<T> rms_norm(Var<T> x, Var<T> gain = {}, double epsilon = 1e-5);

}  // namespace tapehead
