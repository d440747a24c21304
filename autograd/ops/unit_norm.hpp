#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// Each head of each column scaled to the length of its gain: y_h = gain_h · x_h / √(Σ x_h² + ε). x (H·D, T, B), gain
/// (H) or empty, which is 1 → (H·D, T, B). Throws ShapeError for other sizes, ConfigError for heads < 1 or ε ≤ 0.
template <Scalar T>
Var<T> unit_norm(Var<T> x, Var<T> gain, std::int64_t heads, double epsilon = 1e-6);

}  // namespace tapehead
