#include "autograd/small_gemm.hpp"

#include <algorithm>
#include <utility>

namespace tapehead {
namespace {

// Inner indices that are packed at a time: a panel stays in the first-level cache.
constexpr std::int64_t kInner = 128;

template <class T, int Bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(Bytes), may_alias));
};

// A vector that may stand anywhere in memory.
template <class T, int Bytes>
struct [[gnu::packed, gnu::may_alias]] Anywhere {
  typename VectorOf<T, Bytes>::type value;
};

// Where element (p, j) of op(b), or (p, r) of op(a) transposed, lies: at data[p * inner + j * outer].
template <class T>
struct Strided {
  const T* data;
  std::int64_t inner, outer;
};

// What is done with one panel of op(a), rows of c that are summed together.
template <class T>
struct Job {
  std::int64_t step;   // from one column of the panel to the next
  std::int64_t inner;  // columns of the panel
  Strided<T> b;
  T alpha, beta;
  T* c;
  std::int64_t stride;  // of c
  std::int64_t rows;    // of the panel that are rows of c
};

// A panel is `Vectors` registers of `Bytes` bytes high.
template <class T, int Bytes, int Vectors, int Columns>
class Kernel {
 public:
  using Vector = typename VectorOf<T, Bytes>::type;
  static constexpr int kLanes = Bytes / static_cast<int>(sizeof(T));
  static constexpr int kRows = kLanes * Vectors;

  // c(rows, n) = alpha · panel · op(b) + beta · c.
  static void run(const T* panel, const Job<T>& job, std::int64_t n) {
    std::int64_t j = 0;
    for (; j + Columns <= n; j += Columns) columns<Columns>(panel, job, j);
    rest<Columns - 1>(panel, job, j, n - j);
  }

 private:
  // The last `count` columns, together.
  template <int Count>
  static void rest(const T* panel, const Job<T>& job, std::int64_t first, std::int64_t count) {
    if constexpr (Count > 0) {
      if (count == Count) return columns<Count>(panel, job, first);
      rest<Count - 1>(panel, job, first, count);
    }
  }

  // Not inlined: among its callers' numbers the compiler would run out of registers for its own.
  template <int Count>
  [[gnu::noinline]] static void columns(const T* panel, const Job<T>& job, std::int64_t first) {
    Vector sum[Count][Vectors] = {};
    const std::int64_t inner = job.inner;
    const std::int64_t step = job.step;
    const std::int64_t b_inner = job.b.inner;
    const std::int64_t b_outer = job.b.outer;
    const T* b = job.b.data + first * b_outer;
    for (std::int64_t p = 0; p < inner; ++p, panel += step, b += b_inner) {
      Vector a[Vectors];
      for (int v = 0; v < Vectors; ++v) a[v] = reinterpret_cast<const Anywhere<T, Bytes>*>(panel)[v].value;
      for (int j = 0; j < Count; ++j) {
        for (int v = 0; v < Vectors; ++v) sum[j][v] += a[v] * b[j * b_outer];
      }
    }
    const T alpha = job.alpha;
    const T beta = job.beta;
    T* c = job.c + first * job.stride;
    for (int j = 0; j < Count; ++j, c += job.stride) {
      if (job.rows == kRows) {
        auto* out = reinterpret_cast<Anywhere<T, Bytes>*>(c);
        for (int v = 0; v < Vectors; ++v) {
          out[v].value = beta == T(0) ? alpha * sum[j][v] : alpha * sum[j][v] + beta * out[v].value;
        }
        continue;
      }
      Vector column[Vectors];  // a copy: the sums themselves stay in registers
      for (int v = 0; v < Vectors; ++v) column[v] = sum[j][v];
      const auto* from = reinterpret_cast<const T*>(column);
      for (std::int64_t r = 0; r < job.rows; ++r) c[r] = beta == T(0) ? alpha * from[r] : alpha * from[r] + beta * c[r];
    }
  }
};

// A square block in registers, turned by exchanging off-diagonal blocks of 8, 4, 2 and 1 lanes (Eklundh 1972).
template <class T>
class Turn {
 public:
  static constexpr int kLanes = 64 / static_cast<int>(sizeof(T));

  // to[r + p * stride] = from[p + r * step] for r, p in [0, kLanes).
  static void run(const T* from, std::int64_t step, T* to, std::int64_t stride) {
    Vector rows[kLanes];
    for (int r = 0; r < kLanes; ++r) rows[r] = reinterpret_cast<const Anywhere<T, 64>*>(from + r * step)->value;
    exchange<kLanes / 2>(rows);
    for (int p = 0; p < kLanes; ++p) reinterpret_cast<Anywhere<T, 64>*>(to + p * stride)->value = rows[p];
  }

 private:
  using Vector = typename VectorOf<T, 64>::type;

  template <int Width>
  static void exchange(Vector (&rows)[kLanes]) {
    for (int r = 0; r < kLanes; ++r) {
      if ((r & Width) == 0) swap_blocks<Width>(rows[r], rows[r + Width], std::make_index_sequence<kLanes>{});
    }
    if constexpr (Width > 1) exchange<Width / 2>(rows);
  }

  template <int Width, std::size_t... Lane>
  static void swap_blocks(Vector& a, Vector& b, std::index_sequence<Lane...>) {
    const Vector upper = __builtin_shufflevector(a, b, ((Lane & Width) == 0 ? Lane : Lane - Width + kLanes)...);
    b = __builtin_shufflevector(a, b, ((Lane & Width) == 0 ? Lane + Width : Lane + kLanes)...);
    a = upper;
  }
};

// Rows [first, first + rows) and inner indices [begin, begin + count) of op(a), padded with zeros to kRows.
template <class T, int kRows>
void pack(Strided<T> a, std::int64_t first, std::int64_t rows, std::int64_t begin, std::int64_t count, T* panel) {
  if (rows < kRows) std::fill_n(panel, count * kRows, T(0));
  if (a.outer == 1) {  // neighbours in a column of a
    for (std::int64_t p = 0; p < count; ++p) {
      const T* from = a.data + first + (begin + p) * a.inner;
      T* to = panel + p * kRows;
      if (rows == kRows) {
        for (std::int64_t r = 0; r < kRows; ++r) to[r] = from[r];
      } else {
        for (std::int64_t r = 0; r < rows; ++r) to[r] = from[r];
      }
    }
    return;
  }
  // Neighbours in a row of op(a), so a column of a: a block at a time is turned in registers.
  constexpr int kLanes = Turn<T>::kLanes;
  std::int64_t turned = 0;
  if constexpr (kRows % kLanes == 0) {
    if (rows == kRows) turned = count / kLanes * kLanes;
    for (std::int64_t r = 0; turned > 0 && r < kRows; r += kLanes) {
      const T* from = a.data + (first + r) * a.outer + begin;
      for (std::int64_t p = 0; p < turned; p += kLanes) Turn<T>::run(from + p, a.outer, panel + r + p * kRows, kRows);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = a.data + (first + r) * a.outer + begin;
    for (std::int64_t p = turned; p < count; ++p) panel[r + p * kRows] = from[p];
  }
}

template <class T, class K>
std::int64_t panel_rows(Strided<T> a, std::int64_t first, std::int64_t left, std::int64_t inner, Strided<T> b, T alpha,
                        T beta, MatrixView<T> c) {
  const std::int64_t rows = std::min<std::int64_t>(left, K::kRows);
  // A column of a is a column of the panel as it stands. Where neighbours in a column of op(b) are far apart, parts of
  // kInner keep them in the first-level cache.
  const bool lies_well = a.outer == 1 && rows == K::kRows && (b.inner == 1 || inner <= 2 * kInner);
  if (lies_well && inner > 0) {
    K::run(a.data + first, {a.inner, inner, b, alpha, beta, c.data + first, c.stride, rows}, c.columns);
    return rows;
  }
  alignas(64) T panel[kInner * K::kRows];
  // With more inner indices than a panel holds, the later parts add to what the first one wrote.
  for (std::int64_t begin = 0; begin == 0 || begin < inner; begin += kInner) {
    const std::int64_t count = std::min(kInner, inner - begin);
    pack<T, K::kRows>(a, first, rows, begin, count, panel);
    const Strided<T> part{b.data + begin * b.inner, b.inner, b.outer};
    K::run(panel, {K::kRows, count, part, alpha, begin == 0 ? beta : T(1), c.data + first, c.stride, rows}, c.columns);
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
