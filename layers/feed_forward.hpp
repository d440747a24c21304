#pragma once

#include <string>

#include "autograd/ops/activation.hpp"
#include "autograd/tape.hpp"
#include "layers/dropout.hpp"
#include "layers/linear.hpp"

namespace tapehead {

/// "relu", "gelu", "gelu_tanh" or "silu"; anything else throws ConfigError.
Activation parse_activation(const std::string& text);

/// Two linear layers with a nonlinearity between (Vaswani et al. 2017, §3.3), and dropout after it.
/// x (C, T, B) → (C, T, B). Parameters `inner.*` (C → F), `outer.*` (F → C).
struct FeedForward {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t inner = 0;
    Activation activation = Activation::relu;
    double dropout = 0;
  };
  FeedForward(const Scope& scope, const Options& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Pass& pass) const;

  Linear inner, outer;
  Dropout dropout;
  Activation activation;
};

}  // namespace tapehead
