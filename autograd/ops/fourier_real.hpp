#pragma once

#include <cstdint>

#include "autograd/tape.hpp"

namespace tapehead {

/// The real part of the discrete Fourier transform over channels and positions (Lee-Thorp et al. 2022, "FNet: Mixing
/// Tokens with Fourier Transforms", §3.2, eq. 3), of each slice over its own n columns:
///
///     y_ct = Σ_c′ Σ_t′ x_c′t′ cos(2π (c c′ / C + t t′ / n))
///
/// x (C, T, B) → (C, T, B). Of each slice the first lengths[b] columns are read, nullptr: all; the others come out
/// zero. As products with matrices of cosines and sines, which take 2 C² + 2 T² + 2 C T numbers a call.
template <Scalar T>
Var<T> fourier_real(Var<T> x, const std::int32_t* lengths);

}  // namespace tapehead
