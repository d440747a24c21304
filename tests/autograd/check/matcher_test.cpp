#include "autograd/check/matcher.hpp"

#include <gtest/gtest.h>

#include "autograd/ops/multiply.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::Not;

template <Scalar T>
Var<T> tripled(Var<T> x, T slope) {
  Tape<T>& tape = x.tape();
  const std::int64_t count = x.shape().size();
  T* y = tape.allocate(count);
  for (std::int64_t i = 0; i < count; ++i) y[i] = T(3) * x.data()[i];
  return tape.record("tripled", x.shape(), y, {x}, [x, count, slope](Pull<T>& pull) {
    const T* d_y = pull.d_output();
    if (Sink<T> d_x = pull.into(x)) d_x.accumulate(count, [d_y, slope](std::int64_t i) { return slope * d_y[i]; });
  });
}

const auto kRight = []<Scalar T>(Inputs<T> x) { return tripled(x[0], T(3)); };
const auto kWrong = []<Scalar T>(Inputs<T> x) { return tripled(x[0], T(2)); };

template <class F>
std::string explanation(const F& function) {
  const testing::Matcher<const F&> matcher = HasCorrectGradients({{.shape = {2, 3}, .name = "query"}});
  testing::StringMatchResultListener listener;
  EXPECT_FALSE(matcher.MatchAndExplain(function, &listener));
  return listener.str();
}

TEST(HasCorrectGradients, TakesARightOp) {
  EXPECT_THAT(kRight, HasCorrectGradients({{{2, 3}}}));
  EXPECT_THAT(GenericFunction([](auto x) { return multiply(x[0], x[1]); }),
              HasCorrectGradients({{{4, 2}}, {{4, 2}}}, {.seed = 7}));
}

TEST(HasCorrectGradients, RefusesAWrongOneAndSaysWhere) {
  EXPECT_THAT(kWrong, Not(HasCorrectGradients({{{2, 3}}})));
  const std::string told = explanation(kWrong);
  EXPECT_THAT(told, HasSubstr("FAILED"));
  EXPECT_THAT(told, HasSubstr("query"));
}

TEST(HasCorrectGradients, TakesAGenericFunctionToo) {
  const GenericFunction function = kWrong;
  EXPECT_THAT(function, Not(HasCorrectGradients({{{2, 3}}})));
  EXPECT_EQ(testing::PrintToString(function), "a function of inputs");
}

}  // namespace
}  // namespace tapehead
