#pragma once

#include "autograd/tape.hpp"

namespace tapehead {

/// y = f(x) for every element, with derivative(x, y) = f′(x). Both are plain functions of one element, inlined; f′ must
/// itself be right for a dual number, so that Hessians come out of the complex tape.
template <Scalar T, class F, class D>
Var<T> map_elements(const char* op, Var<T> x, F f, D derivative) {
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = x.tape().allocate(n);
  for (std::int64_t i = 0; i < n; ++i) y[i] = f(in[i]);

  return x.tape().record(op, x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(n, [=](std::int64_t i) { return d_y[i] * derivative(in[i], y[i]); });  // y = f(x)
    }
  });
}

}  // namespace tapehead
