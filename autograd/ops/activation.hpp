#pragma once

namespace tapehead {

/// Nonlinearities that layers choose among: max(0, x); x · Φ(x).
enum class Activation { relu, gelu };

}  // namespace tapehead
