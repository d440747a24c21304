#include "autograd/ops/repeat_slices.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> repeat_slices(Var<T> x, std::int64_t copies) {
  Tape<T>& tape = tape_of("repeat_slices", {x});
  if (copies < 1) throw ConfigError(fmt::format("repeat_slices: copies must be at least 1, not {}", copies));
  const Shape in = x.shape();
  const std::int64_t size = in.rows * in.columns;
  T* y = tape.allocate(copies * in.size());
  for (std::int64_t s = 0; s < copies * in.slices; ++s) std::copy_n(x.data() + s / copies * size, size, y + s * size);

  return tape.record("repeat_slices", {in.rows, in.columns, copies * in.slices}, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);  // y_s = x_{s / copies}
    for (std::int64_t s = 0; s < in.slices; ++s) {
      const T* d_y = pull.d_output() + s * copies * size;
      Sink<T>{d_x.data + s * size, d_x.fresh}.accumulate(size, [=](std::int64_t i) {
        T sum = d_y[i];
        for (std::int64_t copy = 1; copy < copies; ++copy) sum += d_y[i + copy * size];
        return sum;
      });
    }
  });
}

template Var<float> repeat_slices(Var<float>, std::int64_t);
template Var<double> repeat_slices(Var<double>, std::int64_t);
template Var<std::complex<double>> repeat_slices(Var<std::complex<double>>, std::int64_t);

OpSpec spec_repeat_slices() {
  const auto with = [](std::int64_t copies) { return [=](auto x) { return repeat_slices(x[0], copies); }; };
  return {.name = "repeat_slices",
          .cases =
              {
                  {"D3_T4_G2_B2_twice", {{{3, 4, 4}}}, with(2)},
                  {"once", {{{3, 2, 2}}}, with(1)},
                  {"D67_five_times", {{{67, 2}}}, with(5)},
                  {"T67_B6", {{{2, 67, 6}}}, with(3)},
              },
          .refusals = {
              {"copies", {{4, 2}}, with(0), "repeat_slices: copies must be at least 1, not 0"},
          }};
}

}  // namespace tapehead
