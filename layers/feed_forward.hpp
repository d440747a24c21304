#pragma once

#include <string>

#include "autograd/ops/activation.hpp"
#include "autograd/tape.hpp"
#include "layers/dropout.hpp"
#include "layers/feed_forward_choices.hpp"
#include "layers/linear.hpp"

namespace tapehead {

/// One of activation_names(); anything else throws ConfigError.
Activation parse_activation(const std::string& text);
/// Names of all activations, with a space between.
const char* activation_names();

/// Two linear layers with a nonlinearity between (Vaswani et al. 2017, §3.3), and dropout after it:
///
///     y = W_o f(W_i x + b_i) + b_o,   or gated (Shazeer 2020)   y = W_o (f(W_g x + b_g) ∘ (W_i x + b_i)) + b_o
///
/// x (C, T, B) → (C, T, B). Parameters `inner.*` (C → F), gated `gate.*` (C → F) as well, `outer.*` (F → C).
struct FeedForward {
  struct Options {
    std::int64_t channels = 0;
    std::int64_t inner = 0;
    Activation activation = Activation::relu;
    double dropout = 0;
    bool gated = false;
    bool has_bias = true;
    double output_factor = 1;  ///< what is drawn for the outer weight is multiplied by it
  };
  FeedForward(const Scope& scope, const Options& options);

  template <Scalar T>
  Var<T> operator()(Var<T> x, const Pass& pass) const;

  JoinedLinear inner;
  Linear outer;
  Dropout dropout;
  Activation activation;
  bool gated;
};

}  // namespace tapehead
