#pragma once

#include "autograd/ops/recurrence.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// The mean of all columns up to each (Zhang, Xiong & Su 2018, "Accelerating Neural Transformer via an Average
/// Attention Network", eq. 1): y_t = 1/t Σ_{k≤t} x_k, counted from 1; `whole`: of all columns that are read, the same
/// for each.
///
/// x (R, T, B) → (R, T, B). `state` (R / H + 1, H, B): the sums of what was read before, and how many columns that was;
/// see RecurrenceOptions. What is whole has no state, and gives its mean in columns that are not read, too. Throws
/// ShapeError for heads that do not divide the rows, ConfigError for heads < 1.
template <Scalar T>
Var<T> cumulative_mean(Var<T> x, const RecurrenceOptions& options = {}, bool whole = false, T* state = nullptr);

}  // namespace tapehead
