#pragma once

#include "autograd/tape.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// Root mean square normalisation of every column; see autograd/ops/rms_norm.hpp. x (C, T, B) → (C, T, B).
/// Parameter `gain` (C).
struct RmsNorm {
  RmsNorm(const Scope& scope, std::int64_t channels, double norm_epsilon = 1e-5);

  template <Scalar T>
  Var<T> operator()(Var<T> x) const;

  Parameter gain;
  double epsilon;
};

}  // namespace tapehead
