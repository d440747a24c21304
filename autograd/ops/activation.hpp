#pragma once

namespace tapehead {

/// Nonlinearities that layers choose among: max(0, x); x · Φ(x), and its approximation by tanh; x · σ(x); σ(x); tanh x.
enum class Activation { relu, gelu, gelu_tanh, silu, sigmoid, tanh };

}  // namespace tapehead
