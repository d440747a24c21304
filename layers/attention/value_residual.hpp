#pragma once

#include "autograd/tape.hpp"
#include "layers/scope.hpp"

namespace tapehead {

enum class ValueResidual { none, equal, learned };

/// The values of an attention, mixed with those of the first attention of its stack (Zhou et al. 2024, "Value Residual
/// Learning", ResFormer):
///
///     values = λ · own + μ · first
///
/// with λ = μ = ½, or, learned, two numbers that begin there. own, first (R, T, B) → (R, T, B). Parameters, if they are
/// learned, `own` (1) and `first` (1).
struct ValueMix {
  ValueMix(const Scope& scope, ValueResidual kind);

  template <Scalar T>
  Var<T> operator()(Var<T> own_values, Var<T> first_values) const;

  Parameter own, first;
};

}  // namespace tapehead
