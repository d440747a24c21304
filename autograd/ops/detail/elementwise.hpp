#pragma once

#include "autograd/ops/detail/curves.hpp"
#include "autograd/tape.hpp"

namespace tapehead {

/// y = f(x) for every element, computed for the whole array by fill(x, count, y), with derivative(x, y) = f′(x), a
/// plain function of one element that is inlined; it must itself be right for a dual number, so that Hessians come out
/// of the complex tape.
template <Scalar T, class F, class D>
Var<T> map_array(const char* op, Var<T> x, F fill, D derivative) {
  Tape<T>& tape = tape_of(op, {x});
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = tape.allocate(n);
  fill(in, n, y);

  return tape.record(op, x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (auto d_x = pull.into(x)) {
      d_x.accumulate(n, [=](std::int64_t i) { return d_y[i] * derivative(in[i], y[i]); });  // y = f(x)
    }
  });
}

/// The same for an f that is a plain function of one element too.
template <Scalar T, class F, class D>
Var<T> map_elements(const char* op, Var<T> x, F f, D derivative) {
  return map_array(
      op, x,
      [f](const T* in, std::int64_t n, T* y) {
        for (std::int64_t i = 0; i < n; ++i) y[i] = f(in[i]);
      },
      derivative);
}

/// Fills y by the vectorised `real` for real numbers, element by element by `complex` for dual ones.
template <Scalar T, class R, class C>
void fill_array(const T* x, std::int64_t n, T* y, R real, C complex) {
  if constexpr (RealScalar<T>) {
    (void)complex;
    real(x, n, y);
  } else {
    (void)real;
    for (std::int64_t i = 0; i < n; ++i) y[i] = complex(x[i]);
  }
}

/// y = f(x) for a smooth curve (see curves.hpp), whose slope the pullback makes again from x.
template <Scalar T>
Var<T> map_curve(const char* op, Var<T> x, Curve f) {
  Tape<T>& tape = tape_of(op, {x});
  const std::int64_t n = x.shape().size();
  const T* in = x.data();
  T* y = tape.allocate(n);
  fill_array(
      in, n, y, [f](auto... a) { vectors::curve(f, a...); }, [f](auto a) { return curve_value(f, a); });

  return tape.record(op, x.shape(), y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    const auto d_x = pull.into(x);
    if (!d_x) return;
    if constexpr (RealScalar<T>) {
      vectors::curve_pullback(f, in, d_y, n, d_x.data, !d_x.fresh);
    } else {
      d_x.accumulate(n, [=](std::int64_t i) { return d_y[i] * curve_slope(f, in[i]); });  // y = f(x)
    }
  });
}

}  // namespace tapehead
