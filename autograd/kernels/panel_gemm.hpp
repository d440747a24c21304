#pragma once

#include "autograd/kernels/gemm.hpp"

namespace tapehead {

/// Whether panel_gemm is the better choice than BLAS. Built for AVX-512 it is, for nearly all sizes of a training step
/// (docs/performance.md has the measurements): it packs less. Elsewhere it takes the products that are too small for
/// the packing of a large kernel to pay, and for which OpenBLAS may allocate on the heap.
constexpr bool prefers_panels(std::int64_t m, std::int64_t n, std::int64_t k, Transpose op_b) {
#if defined(__AVX512F__)
  (void)n, (void)k;
  constexpr std::int64_t kTall = 1024;  // bᵀ would be copied for too many passes over c
  return op_b == Transpose::no || m < kTall;
#else
  (void)op_b;
  return m * n * k <= 100 * 100 * 100;
#endif
}

/// gemm with panels of op(a), a few vectors high, multiplied in registers; what does not lie well is packed on the
/// stack, nothing on the heap. Right for any size. For given sizes each element is summed in one order. `offset`: a
/// column that is added to every column of c, or nullptr.
template <RealScalar T>
void panel_gemm(T alpha, const MatrixView<const T>& a, Transpose op_a, const MatrixView<const T>& b, Transpose op_b,
                T beta, const MatrixView<T>& c, const T* offset = nullptr);

}  // namespace tapehead
