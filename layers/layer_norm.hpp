#pragma once

#include "autograd/tape.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// Layer normalisation of every column; see autograd/ops/layer_norm.hpp. x (C, T, B) → (C, T, B).
/// Parameters `gain` (C), and `bias` (C) unless it is left out.
struct LayerNorm {
  LayerNorm(const Scope& scope, std::int64_t channels, bool has_bias = true, double norm_epsilon = 1e-5);

  template <Scalar T>
  Var<T> operator()(Var<T> x) const;

  Parameter gain, bias;
  double epsilon;
};

}  // namespace tapehead
