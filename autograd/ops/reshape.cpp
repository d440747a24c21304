#include "autograd/ops/reshape.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/errors.hpp"
#include "autograd/spec.hpp"

namespace tapehead {

namespace {

// Fills in an axis of −1 where the others leave a whole number.
void fill_in(Shape& shape, std::int64_t size) {
  for (std::int64_t* axis : {&shape.rows, &shape.columns, &shape.slices}) {
    if (*axis != -1) continue;
    const std::int64_t others = -shape.size();
    if (others > 0) *axis = size / others;
  }
}

}  // namespace

template <Scalar T>
Var<T> reshape(Var<T> x, Shape shape) {
  Tape<T>& tape = tape_of("reshape", {x});
  const std::int64_t size = x.shape().size();
  const Shape asked = shape;
  fill_in(shape, size);
  if (shape.size() != size || shape.rows < 0 || shape.columns < 0 || shape.slices < 0) {
    throw ShapeError(
        fmt::format("reshape: {} does not hold the {} numbers of {}", to_string(asked), size, to_string(x.shape())));
  }
  T* y = tape.allocate(size);
  std::copy_n(x.data(), size, y);
  return tape.record("reshape", shape, y, {x}, [=](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    pull.into(x).accumulate(size, [=](std::int64_t i) { return d_y[i]; });  // y = x
  });
}

template Var<float> reshape(Var<float>, Shape);
template Var<double> reshape(Var<double>, Shape);
template Var<std::complex<double>> reshape(Var<std::complex<double>>, Shape);

OpSpec spec_reshape() {
  const auto to = [](const Shape& shape) { return [=](auto x) { return reshape(x[0], shape); }; };
  return {.name = "reshape",
          .cases =
              {
                  {"R4_C3_S2_flat", {{{4, 3, 2}}}, to({-1})},
                  {"R4_C3_S2_turned", {{{4, 3, 2}}}, to({2, 4, 3})},
                  {"one_number", {{{1}}}, to({1, 1, -1})},
                  {"R67", {{{67, 2}}}, to({1, -1, 1})},
                  {"C67_S6", {{{2, 67, 6}}}, to({1, 1, -1})},
              },
          .refusals = {
              {"size", {{4, 3}}, to({5, 2}), "reshape: (5, 2) does not hold the 12 numbers of (4, 3)"},
              {"left_over", {{4, 3}}, to({5, -1}), "reshape: (5, -1) does not hold the 12 numbers of (4, 3)"},
              {"two_unknown", {{4, 3}}, to({-1, -1}), "reshape: (-1, -1) does not hold the 12 numbers of (4, 3)"},
          }};
}

}  // namespace tapehead
