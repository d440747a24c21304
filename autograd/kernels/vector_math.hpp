#pragma once

#include <cstdint>

#include "autograd/scalar.hpp"

/// \file
/// Transcendental functions of whole arrays, in the widest vectors that the build is for. Each comes from one template
/// for float and double, so that checking double checks float too. Errors stay within 4 units in the last place; those
/// of gelu within 4 units of 1 + |x| from −4 on, since Φ is 1 + erf there, and within 6 of its own below. What is made
/// of an exp below the smallest normal number may be 0; NaN gives NaN. What an element becomes does not depend on where
/// in the array it stands. Input and output may be the same memory.

namespace tapehead::vectors {

/// y = exp(x).
template <RealScalar T>
void exp(const T* x, std::int64_t count, T* y);

/// y = tanh(x).
template <RealScalar T>
void tanh(const T* x, std::int64_t count, T* y);

/// y = 1 / (1 + exp(−x)).
template <RealScalar T>
void sigmoid(const T* x, std::int64_t count, T* y);

/// Smooth nonlinearities f (Hendrycks & Gimpel 2016), with σ the sigmoid and Φ(x) = (1 + erf(x / √2)) / 2.
enum class Curve {
  gelu,       ///< x · Φ(x)
  gelu_tanh,  ///< x · σ(2u), u = √(2/π) · (x + 0.044715 x³): gelu with tanh for erf, as 1 + tanh u = 2 σ(2u) (ibid.,
              ///< §2)
  silu,     ///< x · σ(x), which Ramachandran et al. 2017 call swish
  sigmoid,  ///< σ(x)
  tanh,     ///< tanh x
};

/// y = f(x).
template <RealScalar T>
void curve(Curve f, const T* x, std::int64_t count, T* y);

/// d_x = d_y · f′(x), what f's pullback makes. Adds to d_x if `adds`.
template <RealScalar T>
void curve_pullback(Curve f, const T* x, const T* d_y, std::int64_t count, T* d_x, bool adds);

/// y = f(x) and slope = f′(x) in one pass; slope may be the memory of x.
template <RealScalar T>
void curve_with_slope(Curve f, const T* x, std::int64_t count, T* y, T* slope);

}  // namespace tapehead::vectors
