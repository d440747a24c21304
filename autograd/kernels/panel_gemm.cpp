#include "autograd/kernels/panel_gemm.hpp"

#include <algorithm>
#include <utility>

#include "autograd/kernels/lanes.hpp"

namespace tapehead {
namespace {

// The widest vectors that the build is for: 32 registers of them, or 16 where they are narrower.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

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

// What every panel of op(a) is multiplied by, and where that goes. It is handed on by reference: a copy of what was
// just written costs more than a small product.
template <class T>
struct Job {
  std::int64_t inner;  // columns of a panel
  Strided<T> b;
  T alpha, beta;
  const T* offset;  // added to every column of c; nullptr: nothing
  T* c;
  std::int64_t stride;  // of c
};

// Rows of op(a) that are summed together.
template <class T>
struct Panel {
  const T* data;
  std::int64_t step;         // from one column to the next
  std::int64_t first, rows;  // of c
};

// A panel is `Vectors` registers of `Bytes` bytes high.
template <class T, int Bytes, int Vectors, int Columns>
class Kernel {
 public:
  using Vector = typename VectorOf<T, Bytes>::type;
  using Rows = Lanes<T, Bytes>;
  static constexpr int kLanes = Rows::kLanes;
  static constexpr int kRows = kLanes * Vectors;

  // c(rows, n) = alpha · panel · op(b) + beta · c.
  static void run(const Panel<T>& panel, const Job<T>& job, std::int64_t n) {
    std::int64_t j = 0;
    for (; j + Columns <= n; j += Columns) columns<Columns>(panel, job, j);
    rest<Columns - 1>(panel, job, j, n - j);
  }

  // A column of a panel, padded with zeros.
  static void copy(const T* from, std::int64_t rows, T* to) {
    for (int v = 0; v < Vectors; ++v, from += kLanes, to += kLanes, rows -= kLanes) {
      reinterpret_cast<Anywhere<T, Bytes>*>(to)->value =
          rows >= kLanes ? reinterpret_cast<const Anywhere<T, Bytes>*>(from)->value : Rows(rows).load(from);
    }
  }

 private:
  // The last `count` columns, together.
  template <int Count>
  static void rest(const Panel<T>& panel, const Job<T>& job, std::int64_t first, std::int64_t count) {
    if constexpr (Count > 0) {
      if (count == Count) return columns<Count>(panel, job, first);
      rest<Count - 1>(panel, job, first, count);
    }
  }

  // Not inlined: among its callers' numbers the compiler would run out of registers for its own.
  template <int Count>
  [[gnu::noinline]] static void columns(const Panel<T>& panel, const Job<T>& job, std::int64_t first) {
    Vector sum[Count][Vectors] = {};
    const std::int64_t inner = job.inner;
    const std::int64_t step = panel.step;
    const std::int64_t b_inner = job.b.inner;
    const std::int64_t b_outer = job.b.outer;
    const T* from = panel.data;
    const T* b = job.b.data + first * b_outer;
    T* c = job.c + panel.first + first * job.stride;
    for (int j = 0; j < Count; ++j) {  // what is written at the end is on its way meanwhile
      for (int v = 0; v < Vectors; ++v) __builtin_prefetch(c + j * job.stride + v * kLanes, 1);
    }
    const Rows last(panel.rows - (Vectors - 1) * kLanes);
    for (std::int64_t p = 0; p < inner; ++p, from += step, b += b_inner) {
      Vector a[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        a[v] = kMaskedLanes && v + 1 == Vectors ? last.load(from + v * kLanes)
                                                : reinterpret_cast<const Anywhere<T, Bytes>*>(from)[v].value;
      }
      for (int j = 0; j < Count; ++j) {
        for (int v = 0; v < Vectors; ++v) sum[j][v] += a[v] * b[j * b_outer];
      }
    }
    // Each sum by a constant index: by one that the compiler does not know they would live in memory.
    const T* offset = job.offset == nullptr ? nullptr : job.offset + panel.first;
    const auto finish = [&]<int... I>(std::integer_sequence<int, I...>) {
      (write<I % Vectors + 1 == Vectors>(sum[I / Vectors][I % Vectors], job, offset, panel.rows, last,
                                         I % Vectors * kLanes, c + I / Vectors * job.stride),
       ...);
    };
    finish(std::make_integer_sequence<int, Count * Vectors>{});
  }

  // c = alpha · sum + beta · c + offset for a vector of one column, from row `row` of the panel on.
  template <bool Last>
  [[gnu::always_inline]] static inline void write(Vector sum, const Job<T>& job, const T* offset, std::int64_t rows,
                                                  const Rows& last, int row, T* c) {
    Vector value = job.alpha * sum;
    auto* out = reinterpret_cast<Anywhere<T, Bytes>*>(c + row);
    if (!Last || rows == kRows) {
      if (job.beta != T(0)) value += job.beta * out->value;
      if (offset != nullptr) value += reinterpret_cast<const Anywhere<T, Bytes>*>(offset + row)->value;
      out->value = value;
    } else {
      if (job.beta != T(0)) value += job.beta * last.load(c + row);
      if (offset != nullptr) value += last.load(offset + row);
      last.store(value, c + row);
    }
  }
};

// A square block in registers, turned by exchanging off-diagonal blocks of half its lanes, a quarter, … one (Eklundh
// 1972).
template <class T>
class Turn {
 public:
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

  // to[r + p * stride] = from[p + r * step] for r, p in [0, kLanes).
  static void run(const T* from, std::int64_t step, T* to, std::int64_t stride) {
    Vector rows[kLanes];
    for (int r = 0; r < kLanes; ++r)
      rows[r] = reinterpret_cast<const Anywhere<T, kVectorBytes>*>(from + r * step)->value;
    exchange<kLanes / 2>(rows);
    for (int p = 0; p < kLanes; ++p) reinterpret_cast<Anywhere<T, kVectorBytes>*>(to + p * stride)->value = rows[p];
  }

  // The same for r in [0, rows) and p in [0, count); to[r + p * stride] is zero for the other r of the block.
  static void run(const T* from, std::int64_t step, T* to, std::int64_t stride, std::int64_t rows, std::int64_t count) {
    const Lanes<T, kVectorBytes> columns(count);
    Vector block[kLanes] = {};
    for (int r = 0; r < kLanes; ++r) {
      if (r < rows) block[r] = columns.load(from + r * step);
    }
    exchange<kLanes / 2>(block);
    for (int p = 0; p < kLanes; ++p) {
      if (p < count) reinterpret_cast<Anywhere<T, kVectorBytes>*>(to + p * stride)->value = block[p];
    }
  }

 private:
  using Vector = typename VectorOf<T, kVectorBytes>::type;

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

// Rows [first, first + rows) and inner indices [begin, begin + count) of op(a), K::kRows apart; what is beyond the rows
// is padded with zeros, or with anything where the kernel does not read it.
template <class T, class K>
void pack(const Strided<T>& a, std::int64_t first, std::int64_t rows, std::int64_t begin, std::int64_t count,
          T* panel) {
  constexpr int kRows = K::kRows;
  if (a.outer == 1) {  // neighbours in a column of a
    for (std::int64_t p = 0; p < count; ++p) K::copy(a.data + first + (begin + p) * a.inner, rows, panel + p * kRows);
    return;
  }
  // Neighbours in a row of op(a), so a column of a: a block at a time is turned in registers, if it is worth it.
  constexpr int kLanes = Turn<T>::kLanes;
  if constexpr (kRows % kLanes == 0) {
    if (kMaskedLanes && count >= kLanes / 2) {
      for (std::int64_t r = 0; r < rows; r += kLanes) {
        const T* from = a.data + (first + r) * a.outer + begin;
        for (std::int64_t p = 0; p < count; p += kLanes) {
          if (rows - r >= kLanes && count - p >= kLanes) {
            Turn<T>::run(from + p, a.outer, panel + r + p * kRows, kRows);
          } else {
            Turn<T>::run(from + p, a.outer, panel + r + p * kRows, kRows, rows - r, count - p);
          }
        }
      }
      return;
    }
  }
  if (!kMaskedLanes && rows < kRows) std::fill_n(panel, count * kRows, T(0));
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

// `rows` rows of c from `first` on, for one part of the inner index, with a panel that is copied first: where it does
// not lie well, or where so many columns meet it that its way to the registers must be short.
template <class T, class K>
[[gnu::noinline]] void multiply_packed(const Strided<T>& a, std::int64_t first, std::int64_t rows, std::int64_t begin,
                                       const Job<T>& job, std::int64_t columns) {
  alignas(64) T packed[kInner * K::kRows];
  const Panel<T> panel{packed, K::kRows, first, rows};
  if (job.inner <= kInner) {
    pack<T, K>(a, first, rows, begin, job.inner, packed);
    return K::run(panel, job, columns);
  }
  Job<T> part = job;
  for (std::int64_t done = 0; done < job.inner; done += kInner) {
    part.inner = std::min(kInner, job.inner - done);
    pack<T, K>(a, first, rows, begin + done, part.inner, packed);
    K::run(panel, part, columns);
    part.b.data += part.inner * part.b.inner;
    part.beta = T(1);  // later parts add to what the first one wrote
    part.offset = nullptr;
  }
}

// Rows of c from `first` on, as many as the kernel takes.
template <class T, class K>
std::int64_t multiply_rows(const Strided<T>& a, std::int64_t first, std::int64_t left, std::int64_t begin, bool packs,
                           const Job<T>& job, std::int64_t columns) {
  const std::int64_t rows = std::min<std::int64_t>(left, K::kRows);
  const bool reads_part = kMaskedLanes && job.inner <= kInner;
  if (!packs && (reads_part || rows == K::kRows)) {  // a column of a is a column of the panel as it stands
    K::run({a.data + first + begin * a.inner, a.inner, first, rows}, job, columns);
  } else {
    multiply_packed<T, K>(a, first, rows, begin, job, columns);
  }
  return rows;
}

template <class T>
void multiply_part(const Strided<T>& a, std::int64_t begin, bool packs, const Job<T>& job, std::int64_t rows,
                   std::int64_t columns) {
  constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
  for (std::int64_t row = 0; row < rows;) {
    const std::int64_t left = rows - row;
    if (left > kLanes) {
      row += multiply_rows<T, Kernel<T, kVectorBytes, 2, 6>>(a, row, left, begin, packs, job, columns);
    } else if (left > kLanes / 2) {
      row += multiply_rows<T, Kernel<T, kVectorBytes, 1, 8>>(a, row, left, begin, packs, job, columns);
    } else {
      row += multiply_rows<T, Kernel<T, kVectorBytes / 2, 1, 8>>(a, row, left, begin, packs, job, columns);
    }
  }
}

// op(b) = bᵀ for many rows of c: a block of it is copied, so that neighbours in a column are near each other.
template <class T>
void multiply_transposed(const Strided<T>& a, Job<T> job, std::int64_t inner, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kColumns = 240;
  alignas(64) T block[kInner * kColumns];
  const Strided<T> b = job.b;
  const T beta = job.beta;
  const T* offset = job.offset;
  T* c = job.c;
  for (std::int64_t j = 0; j < columns; j += kColumns) {
    const std::int64_t width = std::min(kColumns, columns - j);
    job.c = c + j * job.stride;
    job.b = {block, kColumns, 1};
    for (std::int64_t begin = 0; begin == 0 || begin < inner; begin += kInner) {
      job.inner = std::min(kInner, inner - begin);
      for (std::int64_t p = 0; p < job.inner; ++p)
        std::copy_n(b.data + (begin + p) * b.inner + j, width, block + p * kColumns);
      job.beta = begin == 0 ? beta : T(1);
      job.offset = begin == 0 ? offset : nullptr;
      multiply_part(a, begin, a.outer != 1 || a.inner > kInner, job, rows, width);
    }
  }
}

}  // namespace

template <RealScalar T>
void panel_gemm(T alpha, const MatrixView<const T>& a, Transpose op_a, const MatrixView<const T>& b, Transpose op_b,
                T beta, const MatrixView<T>& c, const T* offset) {
  const bool flip_a = op_a == Transpose::yes;
  const bool flip_b = op_b == Transpose::yes;
  const std::int64_t inner = flip_a ? a.rows : a.columns;
  const Strided<T> from_a{a.data, flip_a ? 1 : a.stride, flip_a ? a.stride : 1};
  const Strided<T> from_b{b.data, flip_b ? b.stride : 1, flip_b ? 1 : b.stride};
  Job<T> job{
      .inner = inner, .b = from_b, .alpha = alpha, .beta = beta, .offset = offset, .c = c.data, .stride = c.stride};
  // Neighbours in a column of bᵀ are b.stride apart: far enough, or often enough, to be brought together first.
  constexpr std::int64_t kManyRows = 64;
  if (flip_b && c.rows > kManyRows && (b.stride > 512 || inner > 256)) {
    return multiply_transposed(from_a, job, inner, c.rows, c.columns);
  }
  // Long inner indices in parts: a part of b stays in the second-level cache while every panel meets it.
  constexpr std::int64_t kPart = 1280;
  for (std::int64_t begin = 0; begin == 0 || begin < inner; begin += kPart) {
    job.inner = std::min(kPart, inner - begin);
    job.b.data = from_b.data + begin * from_b.inner;
    job.beta = begin == 0 ? beta : T(1);
    job.offset = begin == 0 ? offset : nullptr;
    multiply_part(from_a, begin, flip_a || inner == 0, job, c.rows, c.columns);
  }
}

template void panel_gemm(float, const MatrixView<const float>&, Transpose, const MatrixView<const float>&, Transpose,
                         float, const MatrixView<float>&, const float*);
template void panel_gemm(double, const MatrixView<const double>&, Transpose, const MatrixView<const double>&, Transpose,
                         double, const MatrixView<double>&, const double*);

}  // namespace tapehead
