#include "autograd/ops/fourier_real.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/kernels/gemm.hpp"
#include "autograd/ops/detail/masked_cases.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// cos(2π k / n), 0 ≤ k < n. The angle is brought into the first eighth of a turn by whole numbers, where the least is
// lost to rounding: quarters of a turn are exact, and sums of waves that cancel do.
double wave(std::int64_t k, std::int64_t n) {
  if (2 * k > n) k = n - k;                       // cos is even
  if (4 * k > n) return -wave(n - 2 * k, 2 * n);  // half a turn on
  const auto angle = [](std::int64_t part, std::int64_t turn) {
    return 2 * std::numbers::pi * static_cast<double>(part) / static_cast<double>(turn);
  };
  return 8 * k > n ? std::sin(angle(n - 4 * k, 4 * n)) : std::cos(angle(k, n));
}

// cos and sin of 2π a b / n, (n, n) each.
template <Scalar T>
struct Waves {
  T *cosines, *sines;

  void fill(std::int64_t n) const {
    for (std::int64_t k = 0; k < n; ++k) {  // a = 1, or all that there is
      cosines[k + (n > 1 ? n : 0)] = static_cast<Real<T>>(wave(k, n));
      sines[k + (n > 1 ? n : 0)] = static_cast<Real<T>>(wave((4 * k + 3 * n) % (4 * n), 4 * n));  // a quarter turn back
    }
    for (std::int64_t a = 0; n > 1 && a < n; ++a) {
      if (a == 1) continue;
      for (std::int64_t b = 0, k = 0; b < n; ++b, k = (k + a) % n) {
        cosines[b + n * a] = cosines[n + k];
        sines[b + n * a] = sines[n + k];
      }
    }
  }
};

template <Scalar T>
struct Fourier {
  Shape shape;
  const std::int32_t* lengths;
  Waves<T> channels, places;  // the latter of one length at a time
  T *cosine_part, *sine_part;

  std::int64_t length(std::int64_t slice) const {
    return lengths == nullptr ? shape.columns : std::clamp<std::int64_t>(lengths[slice], 0, shape.columns);
  }

  // The transform is symmetric: the same takes d_y to d_x.
  void operator()(const T* x, T* y) const {
    const std::int64_t c = shape.rows;
    std::int64_t filled = -1;
    for (std::int64_t b = 0; b < shape.slices; ++b) {
      const std::int64_t n = length(b);
      if (n != filled) places.fill(filled = n);
      const MatrixView<const T> in(x + b * c * shape.columns, c, n);
      const MatrixView<T> with_cosines(cosine_part, c, n);
      const MatrixView<T> with_sines(sine_part, c, n);
      const MatrixView<T> out(y + b * c * shape.columns, c, n);
      const auto no = Transpose::no;
      gemm<T>(T(1), in, no, MatrixView<const T>(places.cosines, n, n), no, T(0), with_cosines);
      gemm<T>(T(1), in, no, MatrixView<const T>(places.sines, n, n), no, T(0), with_sines);
      // cos(α + β) = cos α cos β − sin α sin β
      gemm<T>(T(1), MatrixView<const T>(channels.cosines, c, c), no, with_cosines, no, T(0), out);
      gemm<T>(T(-1), MatrixView<const T>(channels.sines, c, c), no, with_sines, no, T(1), out);
      std::fill(out.data + c * n, out.data + c * shape.columns, T(0));
    }
  }
};

}  // namespace

template <Scalar T>
Var<T> fourier_real(Var<T> x, const std::int32_t* lengths) {
  Tape<T>& tape = tape_of("fourier_real", {x});
  const Shape shape = x.shape();
  const auto [rows, columns, slices] = shape;
  const auto waves = [&](std::int64_t n) { return Waves<T>{tape.allocate(n * n), tape.allocate(n * n)}; };
  const Fourier<T> transform{
      shape, lengths, waves(rows), waves(columns), tape.allocate(rows * columns), tape.allocate(rows * columns)};
  transform.channels.fill(rows);
  T* y = tape.allocate(shape.size());
  transform(x.data(), y);

  return tape.record("fourier_real", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    if (!d_x) return;
    T* d = pull.scratch(shape.size());
    transform(pull.d_output(), d);
    d_x.accumulate(shape.size(), [=](std::int64_t i) { return d[i]; });
  });
}

template Var<float> fourier_real(Var<float>, const std::int32_t*);
template Var<double> fourier_real(Var<double>, const std::int32_t*);
template Var<std::complex<double>> fourier_real(Var<std::complex<double>>, const std::int32_t*);

OpSpec spec_fourier_real() {
  const auto all = [](auto x) { return fourier_real(x[0], nullptr); };
  const auto ragged = [](auto x) { return fourier_real(x[0], ragged_lengths()); };
  return {.name = "fourier_real",
          .cases = {{"C3_T4", {{{3, 4}}}, all},
                    {"C4_T1_B3", {{{4, 1, 3}}}, all},
                    {"C1_T5", {{{1, 5}}}, all},
                    {"ragged_B4", {{{3, 5, 4}}}, ragged},
                    {"C67_T2", {{{67, 2}}}, all},
                    {"T67", {{{2, 67, 2}}}, all}}};
}

}  // namespace tapehead
