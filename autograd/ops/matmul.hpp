#pragma once

#include "autograd/kernels/gemm.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// y_s = op(a_s) · op(b_s) for every slice s, where op transposes or not and never conjugates.
/// op(a) (M, K, S), op(b) (K, N, S) → (M, N, S). An operand with one slice serves every slice of the other; its
/// gradient is the sum over them. Throws ShapeError where inner sizes or slices disagree.
template <Scalar T>
Var<T> matmul(Var<T> a, Var<T> b, Transpose op_a = Transpose::no, Transpose op_b = Transpose::no);

}  // namespace tapehead
