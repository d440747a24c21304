#include "autograd/ops/softmax.hpp"

#include "autograd/ops/detail/columns.hpp"
#include "autograd/ops/detail/require.hpp"
#include "autograd/ops/detail/softmax_spec.hpp"

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
  return softmax_spec("softmax", [](auto x) { return softmax(x[0]); });
}

}  // namespace tapehead
