#include "autograd/ops/lstm.hpp"

#include <array>

#include "autograd/ops/detail/cell_cases.hpp"
#include "autograd/ops/detail/cell_loop.hpp"

namespace tapehead {
namespace {

constexpr CellSizes kLstm{.gates = 4, .states = 2, .has_recurrent_bias = false};

template <Scalar T>
struct Lstm {
  static constexpr CellSizes kSizes = kLstm;
  static constexpr std::int64_t kRows = 4, kRecurrentRow = 0;
  static constexpr std::array<GateBlock, 1> kInputs{{{0, 4, 0}}};

  // Sums of i, f, g, o become the gates.
  static void step(std::int64_t width, T* gates, const T* before, T* now) {
    detail::sigmoid_in_place(gates, 2 * width);
    detail::tanh_of(gates + 2 * width, width, gates + 2 * width);
    detail::sigmoid_in_place(gates + 3 * width, width);
    const auto [i, f, g, o] = parts<const T>(width, gates);
    const T* c_before = before + width;
    T* h = now;
    T* c = now + width;
    for (std::int64_t n = 0; n < width; ++n) c[n] = f[n] * c_before[n] + i[n] * g[n];
    detail::tanh_of(c, width, h);
    for (std::int64_t n = 0; n < width; ++n) h[n] *= o[n];
  }

  // c = f ∘ c_before + i ∘ g,  h = o ∘ tanh(c)
  static void pull(std::int64_t width, const T* gates, const T* before, const T* now, T* d, T* d_sums) {
    const auto [i, f, g, o] = parts(width, gates);
    const auto [d_i, d_f, d_g, d_o] = parts(width, d_sums);
    const T* c_before = before + width;
    T* d_h = d;
    T* d_c = d + width;
    T* tanh_c = d_o;  // until its place is taken
    detail::tanh_of(now + width, width, tanh_c);
    for (std::int64_t n = 0; n < width; ++n) {
      const T t = tanh_c[n];
      const T d_cell = d_c[n] + d_h[n] * o[n] * (T(1) - t * t);
      d_i[n] = d_cell * g[n] * i[n] * (T(1) - i[n]);
      d_f[n] = d_cell * c_before[n] * f[n] * (T(1) - f[n]);
      d_g[n] = d_cell * i[n] * (T(1) - g[n] * g[n]);
      d_o[n] = d_h[n] * t * o[n] * (T(1) - o[n]);
      d_c[n] = d_cell * f[n];
      d_h[n] = T(0);
    }
  }

 private:
  template <class U>
  struct Parts {
    U *i, *f, *g, *o;
  };
  template <class U>
  static Parts<U> parts(std::int64_t width, U* all) {
    return {all, all + width, all + 2 * width, all + 3 * width};
  }
};

}  // namespace

template <Scalar T>
Var<T> lstm(const CellInputs<T>& in, const CellOptions& options) {
  return read_through<T, Lstm<T>>("lstm", in, options);
}

template Var<float> lstm(const CellInputs<float>&, const CellOptions&);
template Var<double> lstm(const CellInputs<double>&, const CellOptions&);
template Var<std::complex<double>> lstm(const CellInputs<std::complex<double>>&, const CellOptions&);

OpSpec spec_lstm() {
  return cell_spec("lstm", kLstm, [](const auto& in, const CellOptions& options) { return lstm(in, options); });
}

}  // namespace tapehead
