#pragma once

#include "autograd/gemm.hpp"

namespace tapehead {

/// Whether a product is small enough for small_gemm: up to here it is faster than OpenBLAS, which packs both operands for
/// sizes that pay for it later (docs/performance.md), and which (up to 100³ multiplications, on processors with
/// AVX-512) allocates on the heap.
constexpr bool is_small_product(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t kLongest = 1024;
  return m <= kLongest && n <= kLongest && k <= kLongest && m * n * k < kLongest * kLongest * 256;
}

/// gemm for products that are small: panels of a, packed on the stack where they do not lie well already, are multiplied in
/// registers, b is read where it is. Right for any size. Each element is summed over the inner index in order.
template <RealScalar T>
void small_gemm(T alpha, MatrixView<const T> a, Transpose op_a, MatrixView<const T> b, Transpose op_b, T beta,
                MatrixView<T> c);

}  // namespace tapehead
