#include "autograd/tape.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"
#include "autograd/ops/add.hpp"
#include "autograd/ops/affine.hpp"
#include "autograd/ops/scale.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Tape, GradientOfASharedValueIsTheSumOfItsUses) {
  Tape<double> tape;
  const double two = 2;
  const auto x = tape.input({1}, &two);
  const auto y = scale(x, 3);
  tape.backward(add(add(y, y), scale(x, 10)));  // 16 x
  EXPECT_EQ(*tape.gradient(x), 16);
}

TEST(Tape, OnlyWhatReachesTheLossIsTouched) {
  Tape<double> tape;
  const double one = 1;
  const auto x = tape.input({1}, &one);
  const auto unused = tape.input({1}, &one);
  scale(unused, 2);
  tape.backward(scale(x, 5));
  EXPECT_EQ(*tape.gradient(x), 5);
  EXPECT_EQ(tape.gradient(unused), nullptr);
}

TEST(Tape, StaleHandleIsRefused) {
  Tape<double> tape;
  const double one = 1;
  const auto x = tape.input({1}, &one);
  tape.reset();
  tape.input({1}, &one);  // takes the place of x
  EXPECT_THAT([&] { (void)x.shape(); }, ThrowsMessage<GradientError>(HasSubstr("after its value is gone")));
  EXPECT_THROW(scale(x, 2), GradientError);
}

TEST(Tape, HandlesOfTwoTapesDoNotMix) {
  Tape<double> tape;
  Tape<double> other;
  const double one = 1;
  const auto x = tape.input({1}, &one);
  const auto y = other.input({1}, &one);
  EXPECT_THAT([&] { add(x, y); }, ThrowsMessage<GradientError>(HasSubstr("another tape")));
}

TEST(Tape, BackwardNeedsAScalarThatNeedsAGradientAndHappensOnce) {
  Tape<double> tape;
  const double values[] = {1, 2};
  const auto pair = tape.input({2}, values);
  EXPECT_THAT([&] { tape.backward(pair); }, ThrowsMessage<GradientError>(HasSubstr("must be a scalar, it is (2, 1)")));
  EXPECT_THROW(tape.backward(tape.constant({1}, values)), GradientError);
  const auto loss = scale(tape.input({1}, values), 2);
  tape.backward(loss);
  EXPECT_THAT([&] { tape.backward(loss); }, ThrowsMessage<GradientError>(HasSubstr("second time")));
}

TEST(Tape, GradientOfAnOpIsNotKept) {
  Tape<double> tape;
  const double one = 1;
  const auto y = scale(tape.input({1}, &one), 2);
  tape.backward(scale(y, 2));
  EXPECT_THAT([&] { tape.gradient(y); }, ThrowsMessage<GradientError>(HasSubstr("result of scale")));
}

TEST(Tape, NoGradLeavesTheTapeAsItWas) {
  Tape<double> tape;
  const double values[] = {1, 2};
  const auto x = tape.input({2}, values);
  const std::size_t nodes = tape.node_count();
  Var<double> inside;
  {
    const NoGrad<double> no_grad(tape);
    inside = scale(x, 2);
    EXPECT_FALSE(inside.needs_gradient());
    EXPECT_EQ(inside.data()[1], 4);
  }
  EXPECT_EQ(tape.node_count(), nodes);
  EXPECT_THROW((void)inside.data(), GradientError);
  EXPECT_TRUE(scale(x, 2).needs_gradient());
}

struct OneLayer {
  ParameterLayout layout;
  Parameter weight = layout.declare({{"weight", {1, 1}, Initialisation::constant(3)}});
  Parameter idle = layout.declare({{"idle", {2, 2}, Initialisation::constant(1)}});
  OneLayer() { layout.seal(); }
};

TEST(Tape, LeavesPointIntoTheStore) {
  OneLayer layer;
  ParameterStore<double> store(layer.layout);
  store.initialise(0);
  store.gradients().data()[layer.layout.block(layer.idle).offset] = 99;  // of an earlier step
  Tape<double> tape(store);
  const double x = 5;
  const auto weight = tape.leaf(layer.weight);
  EXPECT_EQ(weight.data(), store.values().data());
  tape.backward(affine(tape.constant({1}, &x), tape.leaf(layer.weight)));
  EXPECT_EQ(store.gradients(*layer.layout.find("weight"))[0], 5);
  EXPECT_THAT(store.gradients(*layer.layout.find("idle")), testing::Each(0.0));
}

TEST(Tape, GradientsGoWhereTheyAreBound) {
  OneLayer layer;
  ParameterStore<double> store(layer.layout);
  FlatVector<double> shard(layer.layout.flat_size());
  Tape<double> tape(store);
  tape.bind_gradients(shard.data());
  const double x = 5;
  tape.backward(affine(tape.constant({1}, &x), tape.leaf(layer.weight)));
  EXPECT_EQ(shard.data()[0], 5);
  EXPECT_EQ(store.gradients().data()[0], 0);
}

TEST(Tape, LeafMadeInsideNoGradIsMadeAnewOutside) {
  OneLayer layer;
  ParameterStore<double> store(layer.layout);
  Tape<double> tape(store);
  {
    const NoGrad<double> no_grad(tape);
    EXPECT_FALSE(tape.leaf(layer.weight).needs_gradient());
  }
  EXPECT_TRUE(tape.leaf(layer.weight).needs_gradient());
}

// The same block number, another layout: it must not be read as if it were the own one.
TEST(Tape, ParameterOfAnotherLayoutIsRefusedByName) {
  const OneLayer layer;
  ParameterLayout other;
  const Parameter foreign = other.declare({{"foreign.weight", {1, 1}, Initialisation::constant(5)}});
  other.seal();
  const OneLayer twin;
  ParameterStore<double> store(layer.layout);
  Tape<double> tape(store);
  EXPECT_THAT([&] { tape.leaf(foreign); },
              ThrowsMessage<GradientError>(HasSubstr("foreign.weight was declared in another layout")));
  EXPECT_THAT([&] { tape.leaf(twin.idle); }, ThrowsMessage<GradientError>(HasSubstr("idle was declared in another")));
  EXPECT_THAT([&] { tape.leaf(Parameter{}); }, ThrowsMessage<GradientError>(HasSubstr("an empty parameter")));
  EXPECT_EQ(tape.node_count(), 0U);
  EXPECT_THROW((void)layer.layout.block(foreign), GradientError);
  EXPECT_EQ(foreign.name(), "foreign.weight");
  EXPECT_EQ(Parameter{}.name(), "");
}

TEST(Tape, ParameterWithoutAStoreIsRefused) {
  Tape<double> tape;
  const OneLayer layer;
  EXPECT_THAT([&] { tape.leaf(layer.weight); },
              ThrowsMessage<GradientError>(HasSubstr("the parameter weight is used on a tape that was made without")));
}

// Handed to an op beside a value that is recorded meanwhile: `reshape(scale(x, 2), x.shape())`.
TEST(Tape, AShapeOutlivesWhatIsRecordedAfterIt) {
  static_assert(std::is_same_v<decltype(std::declval<const Var<float>&>().shape()), Shape>);
  Tape<double> tape;
  const double values[6] = {1, 2, 3, 4, 5, 6};
  const Var<double> x = tape.input({3, 2}, values);
  const auto& shape = x.shape();
  for (int i = 0; i < 1000; ++i) scale(x, 2);
  EXPECT_EQ(shape, (Shape{3, 2}));
}

}  // namespace
}  // namespace tapehead
