#include "autograd/ops/softmax.hpp"

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> softmax(Var<T> x) {
  Tape<T>& tape = tape_of("softmax", {x});
  const Shape shape = x.shape();
  require_rows("softmax", shape);
  const std::int64_t rows = shape.rows;
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < shape.points(); ++n) softmax_column(x.data() + n * rows, rows, y + n * rows);

  return tape.record("softmax", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* yn = y + n * rows;
      const T* d_y = pull.d_output() + n * rows;
      const T inner = dot(yn, d_y, rows);  // y = softmax(x): d_x = y ∘ (d_y − yᵀ d_y)
      const Sink<T> column{d_x.data + n * rows, d_x.fresh};
      column.accumulate(rows, [=](std::int64_t i) { return yn[i] * (d_y[i] - inner); });
    }
  });
}

template Var<float> softmax(Var<float>);
template Var<double> softmax(Var<double>);
template Var<std::complex<double>> softmax(Var<std::complex<double>>);

OpSpec spec_softmax() {
  const auto call = [](auto x) { return softmax(x[0]); };
  return {.name = "softmax",
          .cases =
              {
                  {"K5_Q3", {{{5, 3}}}, call},
                  {"K3_Q2_B2", {{{3, 2, 2}}}, call},
                  {"K1_Q2", {{{1, 2}}}, call},
                  {"K17_Q2_B3", {{{17, 2, 3}, -6, 6}}, call},
                  {"K33_Q1", {{{33, 1}}}, call},
                  {"K67_Q3", {{{67, 3}}}, call},
                  {"K131_Q1", {{{131, 1}}}, call},
                  {"K523_Q1", {{{523, 1}}}, call},
                  {"K3_Q67_B6", {{{3, 67, 6}}}, call},
                  {"saturated", {{{7, 3}, -16, 16}}, call},
              },
          .refusals = {{"no_rows", {{0, 3}}, call, "softmax: a column needs at least one row, x is (0, 3)"}}};
}

}  // namespace tapehead
