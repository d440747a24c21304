#include "autograd/ops/elman.hpp"

#include <array>

#include "autograd/ops/detail/cell_cases.hpp"
#include "autograd/ops/detail/cell_loop.hpp"

namespace tapehead {
namespace {

template <Scalar T>
struct Elman {
  static constexpr CellSizes kSizes{.gates = 1, .states = 1, .has_recurrent_bias = false};
  static constexpr std::int64_t kRows = 1, kRecurrentRow = 0;
  static constexpr std::array<GateBlock, 1> kInputs{{{0, 1, 0}}};

  static void step(std::int64_t width, const T* sums, const T* /*before*/, T* now) {
    detail::tanh_of(sums, width, now);
  }

  // now = tanh(sums)
  static void pull(std::int64_t width, const T* /*sums*/, const T* /*before*/, const T* now, T* d, T* d_sums) {
    for (std::int64_t i = 0; i < width; ++i) {
      d_sums[i] = d[i] * (T(1) - now[i] * now[i]);
      d[i] = T(0);
    }
  }
};

}  // namespace

template <Scalar T>
Var<T> elman(const CellInputs<T>& in, const CellOptions& options) {
  return read_through<T, Elman<T>>("elman", in, options);
}

template Var<float> elman(const CellInputs<float>&, const CellOptions&);
template Var<double> elman(const CellInputs<double>&, const CellOptions&);
template Var<std::complex<double>> elman(const CellInputs<std::complex<double>>&, const CellOptions&);

OpSpec spec_elman() {
  return cell_spec("elman", {.gates = 1, .states = 1, .has_recurrent_bias = false},
                   [](const auto& in, const CellOptions& options) { return elman(in, options); });
}

}  // namespace tapehead
