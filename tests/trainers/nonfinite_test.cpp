#include "trainers/nonfinite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "autograd/ops/exp.hpp"
#include "autograd/ops/log.hpp"
#include "autograd/ops/multiply.hpp"
#include "autograd/ops/sum.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

constexpr Shape kShape{2, 3, 4};

// Numbers that nothing goes wrong with, but for one.
std::vector<float> numbers(std::int64_t at, float odd) {
  std::vector<float> values(static_cast<std::size_t>(kShape.size()), 0.5F);
  values[static_cast<std::size_t>(at)] = odd;
  return values;
}

template <class F>
std::string found_in(const std::vector<float>& values, const F& loss) {
  Tape<float> tape;
  NonfiniteFinder<float> finder(8, 4);
  tape.set_observer(&finder);
  tape.backward(loss(tape.input(kShape, values.data())));
  return finder.found();
}

TEST(NonfiniteFinder, NamesTheFirstOpAndTheExample) {
  // Element (1, 2, 3): row 1, position 2 of the fourth example.
  const auto found = found_in(numbers(1 + 2 * 2 + 3 * 6, 100), [](auto x) { return sum(multiply(exp(x), x)); });
  EXPECT_THAT(found,
              HasSubstr("exp (op 1 on the tape) is the first to make one: inf at row 1, position 2 of example 11 "
                        "of the batch, from numbers up to 100"));
}

TEST(NonfiniteFinder, NamesThePullbackWhenAllValuesAreFinite) {
  // The logarithm of a denormal number is -90; its derivative is beyond what a float holds.
  const auto found = found_in(numbers(6, 1e-40F), [](auto x) { return sum(log(x)); });
  EXPECT_THAT(found,
              HasSubstr("the pullback of log (op 1 on the tape) is the first to make one: inf in the gradient of its "
                        "input input at row 0, position 0 of example 9 of the batch"));
}

TEST(NonfiniteFinder, FindsNothingWhereThereIsNothing) {
  EXPECT_EQ(found_in(numbers(0, 1), [](auto x) { return sum(multiply(exp(x), x)); }), "");
}

TEST(FirstNonfiniteParameter, IsNamed) {
  ParameterLayout layout;
  layout.declare({{"a.weight", {3, 5}, Initialisation::constant(1)}});
  layout.declare({{"b.bias", {7}, Initialisation::constant(1)}});
  layout.seal();
  ParameterStore<double> store(layout);
  EXPECT_EQ(first_nonfinite_parameter(store), "");
  store.values(*layout.find("b.bias"))[6] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(first_nonfinite_parameter(store), "b.bias");
}

}  // namespace
}  // namespace tapehead
