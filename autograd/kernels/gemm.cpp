#include "autograd/kernels/gemm.hpp"

#include <cblas.h>

#include <algorithm>
#include <string>

#include "autograd/base/errors.hpp"
#include "autograd/kernels/panel_gemm.hpp"
#include "autograd/shape.hpp"

namespace tapehead {
namespace {

CBLAS_TRANSPOSE cblas(Transpose op) { return op == Transpose::yes ? CblasTrans : CblasNoTrans; }

// BLAS wants a stride of at least one row even where there is none.
int stride_of(std::int64_t stride) { return static_cast<int>(std::max<std::int64_t>(stride, 1)); }

[[noreturn]] void throw_misfit(std::int64_t a_rows, std::int64_t a_columns, Transpose op_a, std::int64_t b_rows,
                               std::int64_t b_columns, Transpose op_b, std::int64_t c_rows, std::int64_t c_columns) {
  const auto shown = [](std::int64_t rows, std::int64_t columns, Transpose op) {
    return to_string(Shape{rows, columns}) + (op == Transpose::yes ? " transposed" : "");
  };
  throw ShapeError("gemm: sizes do not fit: a is " + shown(a_rows, a_columns, op_a) + ", b is " +
                   shown(b_rows, b_columns, op_b) + ", c is " + shown(c_rows, c_columns, Transpose::no));
}

template <Scalar T>
std::int64_t inner_size(const MatrixView<const T>& a, Transpose op_a, const MatrixView<const T>& b, Transpose op_b,
                        const MatrixView<T>& c) {
  const std::int64_t inner = op_a == Transpose::yes ? a.rows : a.columns;
  // Three comparisons beside a product: what does not fit would be read and written out of bounds.
  const bool fits = inner == (op_b == Transpose::yes ? b.columns : b.rows) &&
                    c.rows == (op_a == Transpose::yes ? a.columns : a.rows) &&
                    c.columns == (op_b == Transpose::yes ? b.rows : b.columns);
  if (!fits) throw_misfit(a.rows, a.columns, op_a, b.rows, b.columns, op_b, c.rows, c.columns);
  return inner;
}

}  // namespace

template <Scalar T>
void gemm(T alpha, const std::type_identity_t<MatrixView<const T>>& a, Transpose op_a,
          const std::type_identity_t<MatrixView<const T>>& b, Transpose op_b, T beta,
          const std::type_identity_t<MatrixView<T>>& c, const T* offset) {
  const std::int64_t inner = inner_size(a, op_a, b, op_b, c);
  if constexpr (RealScalar<T>) {
    if (inner > 0 && prefers_panels(c.rows, c.columns, inner, op_b)) {
      return panel_gemm<T>(alpha, a, op_a, b, op_b, beta, c, offset);
    }
  }
  // Without an inner index the product is zero, which no kernel is trusted to know.
  if (offset != nullptr || inner == 0) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      T* column = c.data + j * c.stride;
      for (std::int64_t i = 0; i < c.rows; ++i) {
        const T kept = beta == T(0) ? T(0) : beta * column[i];
        column[i] = offset == nullptr ? kept : kept + offset[i];
      }
    }
    beta = T(1);
  }
  if (inner > 0) blas_gemm(alpha, a, op_a, b, op_b, beta, c);
}

template <Scalar T>
void blas_gemm(T alpha, const std::type_identity_t<MatrixView<const T>>& a, Transpose op_a,
               const std::type_identity_t<MatrixView<const T>>& b, Transpose op_b, T beta,
               const std::type_identity_t<MatrixView<T>>& c) {
  if (c.rows == 0 || c.columns == 0) return;
  const int m = static_cast<int>(c.rows);
  const int n = static_cast<int>(c.columns);
  const int k = static_cast<int>(inner_size(a, op_a, b, op_b, c));
  const int lda = stride_of(a.stride);
  const int ldb = stride_of(b.stride);
  const int ldc = stride_of(c.stride);
  if constexpr (std::same_as<T, float>) {
    cblas_sgemm(CblasColMajor, cblas(op_a), cblas(op_b), m, n, k, alpha, a.data, lda, b.data, ldb, beta, c.data, ldc);
  } else if constexpr (std::same_as<T, double>) {
    cblas_dgemm(CblasColMajor, cblas(op_a), cblas(op_b), m, n, k, alpha, a.data, lda, b.data, ldb, beta, c.data, ldc);
  } else {
    // A dual number is a complex one: products of two imaginary parts underflow to nothing, as they should.
    cblas_zgemm(CblasColMajor, cblas(op_a), cblas(op_b), m, n, k, &alpha, a.data, lda, b.data, ldb, &beta, c.data, ldc);
  }
}

template void gemm<float>(float, const MatrixView<const float>&, Transpose, const MatrixView<const float>&, Transpose,
                          float, const MatrixView<float>&, const float*);
template void gemm<double>(double, const MatrixView<const double>&, Transpose, const MatrixView<const double>&,
                           Transpose, double, const MatrixView<double>&, const double*);
template void gemm<std::complex<double>>(std::complex<double>, const MatrixView<const std::complex<double>>&, Transpose,
                                         const MatrixView<const std::complex<double>>&, Transpose, std::complex<double>,
                                         const MatrixView<std::complex<double>>&, const std::complex<double>*);

template void blas_gemm<float>(float, const MatrixView<const float>&, Transpose, const MatrixView<const float>&,
                               Transpose, float, const MatrixView<float>&);
template void blas_gemm<double>(double, const MatrixView<const double>&, Transpose, const MatrixView<const double>&,
                                Transpose, double, const MatrixView<double>&);

}  // namespace tapehead
