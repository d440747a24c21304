#pragma once

#include "autograd/tape.hpp"
#include "layers/pass.hpp"
#include "layers/scope.hpp"

namespace tapehead {

/// Inverted dropout while training, nothing otherwise; see autograd/ops/dropout.hpp. x (C, T, B) → (C, T, B).
struct Dropout {
  Dropout(const Scope& scope, double dropout_rate) : rate(dropout_rate), site(scope.new_site()) {}

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Pass& pass) const;

  double rate;
  std::uint32_t site;
};

}  // namespace tapehead
