#pragma once

#include "autograd/kernels/gemm.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// Sizes of one affine map, checked: y (out, T, B) = Wᵀ x + b.
struct AffineSizes {
  std::int64_t in, out, points;
  Shape shape;  ///< of y
};

/// Throws what affine() throws, with `op` in front.
template <Scalar T>
AffineSizes affine_sizes(const char* op, const Var<T>& x, const Var<T>& weight, const Var<T>& bias);

/// y = Wᵀ x + b.
template <Scalar T>
void affine_forward(const AffineSizes& sizes, const Var<T>& x, const Var<T>& weight, const Var<T>& bias, T* y);

/// d_x += W d_y, d_W += x d_yᵀ, d_b += Σ d_y, for those that need a gradient.
template <Scalar T>
void affine_pullback(Pull<T>& pull, const AffineSizes& sizes, Var<T> x, Var<T> weight, Var<T> bias, const T* d_y);

}  // namespace tapehead
