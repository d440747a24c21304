#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = x · Φ(x) = x/2 · (1 + erf(x/√2)), any shape: the Gaussian error linear unit in its exact form (Hendrycks &
/// Gimpel 2016).
template <Scalar T>
Var<T> gelu(Var<T> x);

}  // namespace tapehead
