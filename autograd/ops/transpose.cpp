#include "autograd/ops/transpose.hpp"

#include "autograd/spec.hpp"

namespace tapehead {
namespace {

// Calls f(i, j) with element i of (rows, columns, slices) and its place j in the transpose.
template <class F>
void for_each_pair(const Shape& shape, F f) {
  std::int64_t i = 0;
  for (std::int64_t s = 0; s < shape.slices; ++s) {
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      for (std::int64_t r = 0; r < shape.rows; ++r) f(i++, c + shape.columns * (r + shape.rows * s));
    }
  }
}

}  // namespace

template <Scalar T>
Var<T> transpose(Var<T> x) {
  Tape<T>& tape = tape_of("transpose", {x});
  const Shape shape = x.shape();
  const T* in = x.data();
  T* y = tape.allocate(shape.size());
  for_each_pair(shape, [=](std::int64_t i, std::int64_t j) { y[j] = in[i]; });

  return tape.record("transpose", {shape.columns, shape.rows, shape.slices}, y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    const auto d_x = pull.into(x);  // y[j] = x[i]
    for_each_pair(shape,
                  [=](std::int64_t i, std::int64_t j) { d_x.data[i] = (d_x.fresh ? T(0) : d_x.data[i]) + d_y[j]; });
  });
}

template Var<float> transpose(Var<float>);
template Var<double> transpose(Var<double>);
template Var<std::complex<double>> transpose(Var<std::complex<double>>);

OpSpec spec_transpose() {
  const auto call = [](auto x) { return transpose(x[0]); };
  return {.name = "transpose",
          .cases = {
              {"R3_C5", {{{3, 5}}}, call},
              {"R4_C2_S3", {{{4, 2, 3}}}, call},
              {"R1_C7", {{{1, 7}}}, call},
              {"R67_C70", {{{67, 70}}}, call},
              {"R3_C2_S67", {{{3, 2, 67}}}, call},
          }};
}

}  // namespace tapehead
