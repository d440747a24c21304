#include "autograd/ops/log_softmax.hpp"

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/ops/detail/softmax_spec.hpp"

namespace tapehead {

template <Scalar T>
Var<T> log_softmax(Var<T> x) {
  Tape<T>& tape = tape_of("log_softmax", {x});
  const Shape shape = x.shape();
  require_rows("log_softmax", shape);
  const std::int64_t rows = shape.rows;
  T* y = tape.allocate(shape.size());
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* xn = x.data() + n * rows;
    T* yn = y + n * rows;
    const Real<T> largest = largest_of(xn, rows);
    const T log_total = std::log(exponentiate(xn, largest, rows, yn));
    for (std::int64_t i = 0; i < rows; ++i) yn[i] = (xn[i] - largest) - log_total;
  }

  return tape.record("log_softmax", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* yn = y + n * rows;
      const T* d_y = pull.d_output() + n * rows;
      const T total = sum_over<T>(rows, [=](std::int64_t i) { return d_y[i]; });
      const Sink<T> column{d_x.data + n * rows, d_x.fresh};  // y = x − logΣexp(x): d_x = d_y − exp(y) Σ d_y
      column.accumulate(rows, [=](std::int64_t i) { return d_y[i] - std::exp(yn[i]) * total; });
    }
  });
}

template Var<float> log_softmax(Var<float>);
template Var<double> log_softmax(Var<double>);
template Var<std::complex<double>> log_softmax(Var<std::complex<double>>);

OpSpec spec_log_softmax() {
  return softmax_spec("log_softmax", [](auto x) { return log_softmax(x[0]); });
}

}  // namespace tapehead
