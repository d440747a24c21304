#pragma once

#include <cmath>
#include <utility>

#include "autograd/check/check.hpp"

// Ops with pullbacks of one's own, right and wrong ones, for tests of what a check finds.

namespace tapehead {

// y = exp(x), with a pullback of one's own: pull(x, y, d_y, sink).
template <Scalar T, class F>
Var<T> exp_with(Var<T> x, F pull) {
  const Shape shape = x.shape();
  T* y = x.tape().allocate(shape.size());
  for (std::int64_t i = 0; i < shape.size(); ++i) y[i] = std::exp(x.data()[i]);
  return x.tape().record("exp_with", shape, y, {x}, [=](Pull<T>& p) { pull(shape, y, p.d_output(), p.into(x)); });
}

// The same with d_x[i] = slope(shape, y, d_y, i).
template <Scalar T, class F>
Var<T> exp_with_slope(Var<T> x, F slope) {
  return exp_with(x, [slope](Shape shape, const T* y, const T* d_y, Sink<T> d_x) {
    d_x.accumulate(shape.size(), [=](std::int64_t i) { return slope(shape, y, d_y, i); });
  });
}

inline CheckReport check(GenericFunction function, const Shape& shape = {4, 4, 2}) {
  return check_gradients(std::move(function), {{.shape = shape, .name = "x"}});
}

}  // namespace tapehead
