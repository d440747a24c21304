#pragma once

#include <cstdint>

#include "autograd/scalar.hpp"

/// \file
/// Transcendental functions of whole arrays, in the widest vectors that the build is for. Each comes from one template
/// for float and double, so that checking double checks float too. Errors stay within 4 units in the last place; an exp
/// below the smallest normal number may be 0; NaN gives NaN. What an element becomes does not depend on where in the
/// array it stands. Input and output may be the same memory.

namespace tapehead::vectors {

/// y = exp(x − shift); returns Σ y, summed in lanes and blocks.
template <RealScalar T>
T exponentiate(const T* x, T shift, std::int64_t count, T* y);

/// y = exp(x).
template <RealScalar T>
void exp(const T* x, std::int64_t count, T* y);

/// y = tanh(x).
template <RealScalar T>
void tanh(const T* x, std::int64_t count, T* y);

/// y = 1 / (1 + exp(−x)).
template <RealScalar T>
void sigmoid(const T* x, std::int64_t count, T* y);

/// y = x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 (Hendrycks & Gimpel 2016).
template <RealScalar T>
void gelu(const T* x, std::int64_t count, T* y);

/// y = x · σ(2u), u = √(2/π) · (x + 0.044715 x³): gelu with tanh for erf, as 1 + tanh u = 2 σ(2u) (ibid., §2).
template <RealScalar T>
void gelu_tanh(const T* x, std::int64_t count, T* y);

/// y = x · σ(x), σ the sigmoid (Hendrycks & Gimpel 2016; Ramachandran et al. 2017 call it swish).
template <RealScalar T>
void silu(const T* x, std::int64_t count, T* y);

/// d_x = d_y · f′(x), what the pullback of each of these f makes. Adds to d_x if `adds`.
template <RealScalar T>
void gelu_pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds);
template <RealScalar T>
void gelu_tanh_pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds);
template <RealScalar T>
void silu_pullback(const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds);

/// y = f(x) and slope = f′(x) in one pass; slope may be the memory of x.
template <RealScalar T>
void gelu_with_slope(const T* x, std::int64_t count, T* y, T* slope);
template <RealScalar T>
void gelu_tanh_with_slope(const T* x, std::int64_t count, T* y, T* slope);
template <RealScalar T>
void silu_with_slope(const T* x, std::int64_t count, T* y, T* slope);

}  // namespace tapehead::vectors
