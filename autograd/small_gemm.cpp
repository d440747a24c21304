#include "autograd/small_gemm.hpp"

#include <algorithm>

namespace tapehead {
namespace {

// Inner indices that are packed at a time: a panel stays in the first-level cache.
constexpr std::int64_t kInner = 128;

template <class T, int Bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(Bytes), may_alias));
};

// Where op(b)(p, j) lies: at data[p * inner + j * outer].
template <class T>
struct Strided {
  const T* data;
  std::int64_t inner, outer;
};

// `Vectors` registers of `Bytes` bytes are one panel of op(a): rows of c that are summed together.
template <class T, int Bytes, int Vectors, int Columns>
class Kernel {
 public:
  using Vector = typename VectorOf<T, Bytes>::type;
  static constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  static constexpr int kRows = kLanes * Vectors;

  // c(rows, n) = alpha · panel · op(b) + beta · c, for the first `rows` rows of the panel.
  static void run(const T* panel, std::int64_t inner, Strided<T> b, std::int64_t n, T alpha, T beta, T* c,
                  std::int64_t stride, std::int64_t rows) {
    std::int64_t j = 0;
    for (; j + Columns <= n; j += Columns) {
      columns<Columns>(panel, inner, {b.data + j * b.outer, b.inner, b.outer}, alpha, beta, c + j * stride, stride, rows);
    }
    for (; j < n; ++j) {
      columns<1>(panel, inner, {b.data + j * b.outer, b.inner, b.outer}, alpha, beta, c + j * stride, stride, rows);
    }
  }

 private:
  template <int Count>
  static void columns(const T* panel, std::int64_t inner, Strided<T> b, T alpha, T beta, T* c, std::int64_t stride,
                      std::int64_t rows) {
    Vector sum[Count][Vectors] = {};
    for (std::int64_t p = 0; p < inner; ++p) {
      const auto* a = reinterpret_cast<const Vector*>(panel + p * kRows);
      for (int j = 0; j < Count; ++j) {
        const T factor = b.data[p * b.inner + j * b.outer];
        for (int v = 0; v < Vectors; ++v) sum[j][v] += a[v] * factor;
      }
    }
    for (int j = 0; j < Count; ++j) {
      const auto* column = reinterpret_cast<const T*>(&sum[j]);
      T* out = c + j * stride;
      if (beta == T(0)) {
        for (std::int64_t r = 0; r < rows; ++r) out[r] = alpha * column[r];
      } else {
        for (std::int64_t r = 0; r < rows; ++r) out[r] = alpha * column[r] + beta * out[r];
      }
    }
  }
};

// Rows [first, first + rows) and inner indices [begin, begin + count) of op(a), padded with zeros to kRows.
template <class T, int kRows>
void pack(Strided<T> a, std::int64_t first, std::int64_t rows, std::int64_t begin, std::int64_t count, T* panel) {
  if (a.outer == 1) {  // neighbours in a column of a
    for (std::int64_t p = 0; p < count; ++p) {
      const T* from = a.data + first + (begin + p) * a.inner;
      for (std::int64_t r = 0; r < rows; ++r) panel[r + p * kRows] = from[r];
      for (std::int64_t r = rows; r < kRows; ++r) panel[r + p * kRows] = T(0);
    }
    return;
  }
  if (rows < kRows) std::fill_n(panel, count * kRows, T(0));
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = a.data + (first + r) * a.outer + begin * a.inner;
    for (std::int64_t p = 0; p < count; ++p) panel[r + p * kRows] = from[p * a.inner];
  }
}

template <class T, class K>
std::int64_t panel_rows(Strided<T> a, std::int64_t first, std::int64_t left, std::int64_t inner, Strided<T> b, T alpha,
                        T beta, MatrixView<T> c) {
  alignas(64) T panel[kInner * K::kRows];
  const std::int64_t rows = std::min<std::int64_t>(left, K::kRows);
  // With more inner indices than a panel holds, the later parts add to what the first one wrote.
  for (std::int64_t begin = 0; begin == 0 || begin < inner; begin += kInner) {
    const std::int64_t count = std::min(kInner, inner - begin);
    pack<T, K::kRows>(a, first, rows, begin, count, panel);
    K::run(panel, count, {b.data + begin * b.inner, b.inner, b.outer}, c.columns, alpha, begin == 0 ? beta : T(1),
           c.data + first, c.stride, rows);
  }
  return rows;
}

}  // namespace

template <RealScalar T>
void small_gemm(T alpha, MatrixView<const T> a, Transpose op_a, MatrixView<const T> b, Transpose op_b, T beta,
                MatrixView<T> c) {
  const bool flip_a = op_a == Transpose::yes;
  const bool flip_b = op_b == Transpose::yes;
  const std::int64_t inner = flip_a ? a.rows : a.columns;
  const Strided<T> from_a{a.data, flip_a ? 1 : a.stride, flip_a ? a.stride : 1};
  const Strided<T> from_b{b.data, flip_b ? b.stride : 1, flip_b ? 1 : b.stride};
  for (std::int64_t row = 0; row < c.rows;) {
    const std::int64_t left = c.rows - row;
    constexpr int kLanes = 64 / static_cast<int>(sizeof(T));
    if (left > kLanes) {
      row += panel_rows<T, Kernel<T, 64, 2, 6>>(from_a, row, left, inner, from_b, alpha, beta, c);
    } else if (left > kLanes / 2) {
      row += panel_rows<T, Kernel<T, 64, 1, 8>>(from_a, row, left, inner, from_b, alpha, beta, c);
    } else {
      row += panel_rows<T, Kernel<T, 32, 1, 8>>(from_a, row, left, inner, from_b, alpha, beta, c);
    }
  }
}

template void small_gemm(float, MatrixView<const float>, Transpose, MatrixView<const float>, Transpose, float,
                         MatrixView<float>);
template void small_gemm(double, MatrixView<const double>, Transpose, MatrixView<const double>, Transpose, double,
                         MatrixView<double>);

}  // namespace tapehead
