#include "autograd/ops/gated.hpp"

#include <fmt/format.h>

#include "autograd/base/errors.hpp"
#include "autograd/branches.hpp"
#include "autograd/ops/detail/curves.hpp"
#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// f(a) and f′(a) of one column.
template <Scalar T>
void open_gate(Activation f, const T* a, std::int64_t count, T* value, T* slope) {
  if (f != Activation::relu) return values_and_slopes(curve_of(f), a, count, value, slope);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool open = real_part(a[i]) > 0;
    slope[i] = open ? T(1) : T(0);
    value[i] = open ? a[i] : T(0);
  }
}

}  // namespace

template <Scalar T>
Var<T> gated(Var<T> x, Activation f) {
  Tape<T>& tape = tape_of("gated", {x});
  const Shape wide = x.shape();
  if (wide.rows % 2 != 0) {
    throw ShapeError(fmt::format("gated: the rows of x {} are no two halves", to_string(wide)));
  }
  const Shape shape{wide.rows / 2, wide.columns, wide.slices};
  const std::int64_t half = shape.rows;
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  T* slope = tape.allocate(half);
  for (std::int64_t n = 0; n < shape.points(); ++n) {
    const T* a = in + n * wide.rows;
    T* to = y + n * half;
    open_gate(f, a, half, to, slope);
    for (std::int64_t i = 0; i < half; ++i) to[i] *= a[half + i];
  }
  if (f == Activation::relu) {
    note_branches(tape, shape.size(),
                  [=](std::int64_t i) { return real_part(in[i / half * wide.rows + i % half]) > 0; });
  }

  return tape.record("gated", shape, y, {x}, [=](Pull<T>& pull) {
    const auto d_x = pull.into(x);
    if (!d_x) return;
    T* value = pull.scratch(2 * half);
    for (std::int64_t n = 0; n < shape.points(); ++n) {
      const T* a = in + n * wide.rows;
      const T* d_y = pull.d_output() + n * half;
      open_gate(f, a, half, value, value + half);
      // d_a = d_y ∘ u ∘ f′(a), d_u = d_y ∘ f(a)
      Sink<T>{d_x.data + n * wide.rows, d_x.fresh}.accumulate(
          half, [=](std::int64_t i) { return d_y[i] * a[half + i] * value[half + i]; });
      Sink<T>{d_x.data + n * wide.rows + half, d_x.fresh}.accumulate(half,
                                                                     [=](std::int64_t i) { return d_y[i] * value[i]; });
    }
  });
}

template Var<float> gated(Var<float>, Activation);
template Var<double> gated(Var<double>, Activation);
template Var<std::complex<double>> gated(Var<std::complex<double>>, Activation);

OpSpec spec_gated() {
  const auto with = [](Activation f) { return [f](auto x) { return gated(x[0], f); }; };
  return {.name = "gated",
          .cases =
              {
                  {"sigmoid_R6_C4_S2", {{{6, 4, 2}}}, with(Activation::sigmoid)},
                  {"silu_R34_C2_S3", {{{34, 2, 3}}}, with(Activation::silu)},
                  {"gelu_R6_C5", {{{6, 5}}}, with(Activation::gelu)},
                  {"gelu_tanh_R6_C5", {{{6, 5}}}, with(Activation::gelu_tanh)},
                  {"tanh_R6_C5", {{{6, 5}}}, with(Activation::tanh)},
                  {"relu_R6_C5", {{{6, 5}}}, with(Activation::relu)},
                  {"silu_R134_C3", {{{134, 3}}}, with(Activation::silu)},
                  {"R2_C1", {{{2}}}, with(Activation::sigmoid)},
                  {"saturated", {{{8, 5}, -40, 40}}, with(Activation::sigmoid)},
              },
          .refusals = {{"odd", {{5, 2}}, with(Activation::silu), "gated: the rows of x (5, 2) are no two halves"}}};
}

}  // namespace tapehead
