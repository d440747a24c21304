#include "autograd/ops/gru.hpp"

#include <array>

#include "autograd/ops/detail/cell_cases.hpp"
#include "autograd/ops/detail/cell_loop.hpp"

namespace tapehead {
namespace {

constexpr CellSizes kGru{.gates = 3, .states = 1, .has_recurrent_bias = true};

// Rows of sums: n, what x gives of it; r; z; m = Uₙᵀ h + c, the other part of n. So what x gives are two blocks, what h
// gives is one.
template <Scalar T>
struct Gru {
  static constexpr CellSizes kSizes = kGru;
  static constexpr std::int64_t kRows = 4, kRecurrentRow = 1, kRecurrentBiasRow = 3;
  static constexpr std::array<GateBlock, 2> kInputs{{{0, 2, 1}, {2, 1, 0}}};

  // All but m become what the gates are.
  static void step(std::int64_t width, T* sums, const T* before, T* now) {
    detail::sigmoid_in_place(sums + width, 2 * width);
    const auto [n, r, z, m] = parts(width, sums);
    for (std::int64_t i = 0; i < width; ++i) n[i] += r[i] * m[i];
    detail::tanh_of(n, width, n);
    for (std::int64_t i = 0; i < width; ++i) now[i] = n[i] + z[i] * (before[i] - n[i]);
  }

  // n = tanh(… + r ∘ m),  now = (1 − z) ∘ n + z ∘ before
  static void pull(std::int64_t width, const T* sums, const T* before, const T* /*now*/, T* d, T* d_sums) {
    const auto [n, r, z, m] = parts(width, sums);
    const auto [d_n, d_r, d_z, d_m] = parts(width, d_sums);
    for (std::int64_t i = 0; i < width; ++i) {
      const T d_inner = d[i] * (T(1) - z[i]) * (T(1) - n[i] * n[i]);
      d_n[i] = d_inner;
      d_m[i] = d_inner * r[i];
      d_r[i] = d_inner * m[i] * r[i] * (T(1) - r[i]);
      d_z[i] = d[i] * (before[i] - n[i]) * z[i] * (T(1) - z[i]);
      d[i] *= z[i];
    }
  }

 private:
  template <class U>
  struct Parts {
    U *n, *r, *z, *m;
  };
  template <class U>
  static Parts<U> parts(std::int64_t width, U* all) {
    return {all, all + width, all + 2 * width, all + 3 * width};
  }
};

}  // namespace

template <Scalar T>
Var<T> gru(const CellInputs<T>& in, const CellOptions& options) {
  return read_through<T, Gru<T>>("gru", in, options);
}

template Var<float> gru(const CellInputs<float>&, const CellOptions&);
template Var<double> gru(const CellInputs<double>&, const CellOptions&);
template Var<std::complex<double>> gru(const CellInputs<std::complex<double>>&, const CellOptions&);

OpSpec spec_gru() {
  return cell_spec("gru", kGru, [](const auto& in, const CellOptions& options) { return gru(in, options); });
}

}  // namespace tapehead
