#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = x · σ(x) for every element, the sigmoid-weighted linear unit (Hendrycks & Gimpel 2016), also called swish
/// (Ramachandran et al. 2017). Any shape.
template <Scalar T>
Var<T> silu(Var<T> x);

}  // namespace tapehead
