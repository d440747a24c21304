#pragma once

#include <cstdint>
#include <type_traits>

#include "autograd/scalar.hpp"

namespace tapehead {

/// A column-major matrix in memory that belongs to somebody else: element (r, c) stands at `data[r + c * stride]`.
/// A block of rows of a wider matrix is such a view, so a head is one without being copied.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;

  MatrixView(T* d, std::int64_t r, std::int64_t c) : MatrixView(d, r, c, r) {}
  MatrixView(T* d, std::int64_t r, std::int64_t c, std::int64_t s) : data(d), rows(r), columns(c), stride(s) {}
  /// A view for writing serves for reading.
  template <class U>
  requires std::is_same_v<const U, T> MatrixView(const MatrixView<U>& other)
      : MatrixView(other.data, other.rows, other.columns, other.stride) {}
};

enum class Transpose { no, yes };

/// c = alpha · op(a) · op(b) + beta · c, where op transposes and never conjugates, complex scalars included.
/// beta == 0 overwrites c, whatever it held. `offset`: a column that is added to every column of c, or nullptr.
/// Single-threaded where use_single_threaded_blas() was called.
/// Throws ShapeError if sizes do not fit. REQUIRES: c overlaps neither a nor b.
template <Scalar T>
void gemm(T alpha, const std::type_identity_t<MatrixView<const T>>& a, Transpose op_a,
          const std::type_identity_t<MatrixView<const T>>& b, Transpose op_b, T beta,
          const std::type_identity_t<MatrixView<T>>& c, const T* offset = nullptr);

/// gemm by BLAS whatever the sizes, without an offset. Small products may allocate inside OpenBLAS.
template <Scalar T>
void blas_gemm(T alpha, const std::type_identity_t<MatrixView<const T>>& a, Transpose op_a,
               const std::type_identity_t<MatrixView<const T>>& b, Transpose op_b, T beta,
               const std::type_identity_t<MatrixView<T>>& c);

}  // namespace tapehead
