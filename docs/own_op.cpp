// An op of your own, outside the library, and the test that proves its gradient.
#include <gmock/gmock.h>

#include <cmath>

#include "autograd/check/matcher.hpp"

using namespace tapehead;

// swish(x) = x · s(x), with s(x) = 1 / (1 + exp(−x)). One template for float, double and complex: the complex one, used
// by the check alone, is what differentiates the forward pass without any help from the pullback.
template <Scalar T>
Var<T> swish(Var<T> x) {
  Tape<T>& tape = x.tape();
  const std::int64_t count = x.shape().size();
  T* y = tape.allocate(count);  // lasts as long as the tape's values
  T* s = tape.allocate(count);  // kept for the pullback
  for (std::int64_t i = 0; i < count; ++i) {
    s[i] = T(1) / (T(1) + std::exp(-x.data()[i]));
    y[i] = x.data()[i] * s[i];
  }
  // The pullback: d_x = d_y · (s + y (1 − s)). It adds, for x may be used elsewhere too; it captures handles and
  // pointers alone.
  return tape.record("swish", x.shape(), y, {x}, [x, y, s, count](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (Sink<T> d_x = pull.into(x)) {
      d_x.accumulate(count, [d_y, y, s](std::int64_t i) { return d_y[i] * (s[i] + y[i] * (T(1) - s[i])); });
    }
  });
}

// Two inputs are worth two shapes; each is drawn from an interval, ±2 unless you say otherwise.
TEST(Swish, HasCorrectGradients) {
  const GenericFunction once = [](auto x) { return swish(x[0]); };
  const GenericFunction twice = [](auto x) { return swish(swish(x[0])); };
  EXPECT_THAT(once, HasCorrectGradients({{{3, 4}}}));
  EXPECT_THAT(twice, HasCorrectGradients({{.shape = {5, 2}, .low = -6, .high = 6}}));
}

// With another slope, s in place of s + y (1 − s), the test fails: "FAILED …", the element, what was found, what
// belongs there.
