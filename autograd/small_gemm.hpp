#pragma once

#include "autograd/gemm.hpp"

namespace tapehead {

/// Whether a product is small enough for small_gemm: then packing for a large kernel costs more than it brings, and
/// OpenBLAS (up to 100³ multiplications, on processors with AVX-512) takes a path that allocates on the heap.
constexpr bool is_small_product(std::int64_t m, std::int64_t n, std::int64_t k) {
  return m * n * k <= 100 * 100 * 100;
}

/// gemm for products that are small: panels of a are packed on the stack and multiplied in registers. Each element is summed
/// over the inner index in order, whatever the sizes. REQUIRES: is_small_product; as gemm otherwise.
template <RealScalar T>
void small_gemm(T alpha, MatrixView<const T> a, Transpose op_a, MatrixView<const T> b, Transpose op_b, T beta,
                MatrixView<T> c);

}  // namespace tapehead
