#include "autograd/parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

TEST(ParameterLayout, RangesOfABlockLieSideBySide) {
  ParameterLayout layout;
  layout.declare({{"other", {5, 3}, {}}});
  const Parameter block = layout.declare({{"query", {4, 2}, {}}, {"key", {4, 3}, {}}});
  EXPECT_EQ(layout.block(block).shape, (Shape{4, 5}));
  EXPECT_EQ(layout.find("query")->offset, layout.block(block).offset);
  EXPECT_EQ(layout.find("key")->offset, layout.block(block).offset + 8);
  EXPECT_EQ(layout.block(block).offset % 64, 0);
  EXPECT_EQ(layout.parameter_count(), 15 + 8 + 12);
}

TEST(ParameterLayout, BiasesJoinAlongTheirRows) {
  ParameterLayout layout;
  const Parameter block = layout.declare({{"q", {4}, {}}, {"k", {2}, {}}}, ParameterLayout::Join::rows);
  EXPECT_EQ(layout.block(block).shape, Shape{6});
}

TEST(ParameterLayout, RefusesWhatCannotBeJoinedOrNamed) {
  ParameterLayout layout;
  layout.declare({{"a", {2, 2}, {}}});
  EXPECT_THROW(layout.declare({{"a", {2, 2}, {}}}), ConfigError);
  EXPECT_THROW(layout.declare({{"b", {2, 2}, {}}, {"c", {3, 2}, {}}}), ConfigError);
  EXPECT_THROW(ParameterStore<double>{layout}, ConfigError);
  layout.seal();
  EXPECT_THROW(layout.declare({{"d", {2, 2}, {}}}), ConfigError);
}

TEST(ParameterLayout, AParameterKnowsItAfterItHasMoved) {
  ParameterLayout first;
  const Parameter a = first.declare({{"a", {2, 2}, {}}});
  ParameterLayout moved = std::move(first);
  const Parameter b = moved.declare({{"b", {3, 2}, {}}, {"c", {3, 1}, {}}});
  EXPECT_EQ(moved.block(a).shape, (Shape{2, 2}));
  EXPECT_EQ(moved.block(b).shape, (Shape{3, 3}));
  EXPECT_EQ(b.name(), "b");
  ParameterLayout next;
  first = std::move(next);  // as good as new
  const Parameter d = first.declare({{"d", {1, 1}, {}}});
  EXPECT_THROW((void)moved.block(d), GradientError);
  EXPECT_THROW((void)first.block(a), GradientError);
}

TEST(ParameterStore, ARangeOfAnotherLayoutIsRefusedByName) {
  ParameterLayout one;
  one.declare({{"a", {2, 2}, {}}});
  one.declare({{"b", {2, 2}, {}}});
  one.seal();
  ParameterLayout other;
  other.declare({{"b", {2, 2}, {}}});
  other.declare({{"a", {2, 2}, {}}});
  other.declare({{"beyond", {9, 9}, {}}});
  other.seal();
  ParameterLayout same;
  same.declare({{"a", {2, 2}, {}}});
  same.seal();
  ParameterStore<double> store(one);
  for (const char* name : {"a", "b", "beyond"}) {
    EXPECT_THAT([&] { (void)store.values(*other.find(name)); },
                testing::ThrowsMessage<ShapeError>(testing::HasSubstr(std::string(name) + " of shape")));
  }
  EXPECT_EQ(store.values(*same.find("a")).data(), store.values(*one.find("a")).data());
}

// Their offsets would wrap around, and stores come out smaller than what lies in them.
TEST(ParameterLayout, RefusesSizesThatThereCannotBe) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  for (const Shape shape : {Shape{-1, 4}, Shape{4, -1}, Shape{kHuge, kHuge}, Shape{kHuge, kHuge / 1024}}) {
    ParameterLayout layout;
    EXPECT_THROW(layout.declare({{"a", shape, {}}}), ConfigError) << to_string(shape);
    EXPECT_EQ(layout.flat_size(), 0);
    EXPECT_EQ(layout.find("a"), nullptr);
  }
  ParameterLayout layout;  // each of them is possible
  for (int i = 0; i < 15; ++i) layout.declare({{std::to_string(i), {kHuge, std::int64_t{1} << 15}, {}}});
  EXPECT_THROW(layout.declare({{"last", {kHuge, std::int64_t{1} << 15}, {}}}), ConfigError);
}

// Two laws of one variance: a normal one, and a uniform one of half width √3 deviations.
TEST(Initialisation, EveryLawComesNormalAndUniform) {
  EXPECT_DOUBLE_EQ(std::sqrt(3.0) * Initialisation::xavier_normal(100, 200).scale,
                   Initialisation::xavier_uniform(100, 200).scale);
  EXPECT_DOUBLE_EQ(std::sqrt(3.0) * Initialisation::kaiming_normal(100).scale,
                   Initialisation::kaiming_uniform(100).scale);
  EXPECT_EQ(Initialisation::kaiming_uniform(100).law, Initialisation::Law::uniform);
  EXPECT_EQ(Initialisation::xavier_normal(1, 2).law, Initialisation::Law::normal);
  const Initialisation doubled = Initialisation::normal(0.5).times(2);
  EXPECT_EQ(doubled.scale, 1);
  EXPECT_EQ(doubled.law, Initialisation::Law::normal);
}

TEST(ParameterLayout, FindsABlockByTheNameOfItsFirstRange) {
  ParameterLayout layout;
  layout.declare({{"a", {3}, {}}});
  const Parameter block = layout.declare({{"b", {3, 2}, {}}, {"c", {3, 4}, {}}});
  EXPECT_EQ(layout.index_of(layout.declared("b")), layout.index_of(block));
  EXPECT_FALSE(layout.declared("c"));
  EXPECT_FALSE(layout.declared("d"));
}

TEST(ParameterStore, InitialisationFollowsItsLawAndIsTheSameInEveryScalar) {
  ParameterLayout layout;
  layout.declare({{"xavier", {100, 200}, Initialisation::xavier_uniform(100, 200)}});
  layout.declare({{"normal", {100, 200}, Initialisation::normal(0.02)}});
  layout.declare({{"kaiming", {100, 200}, Initialisation::kaiming_normal(100)}});
  layout.declare({{"ones", {7}, Initialisation::constant(1)}});
  layout.seal();
  ParameterStore<double> store(layout);
  ParameterStore<float> rough(layout);
  store.initialise(3);
  rough.initialise(3);

  const double half_width = std::sqrt(6.0 / 300);
  double squares = 0;
  for (const double x : store.values(*layout.find("xavier"))) {
    ASSERT_LE(std::abs(x), half_width);
    squares += x * x;
  }
  EXPECT_NEAR(squares / 20'000 / (half_width * half_width / 3), 1, 0.05);
  squares = 0;
  for (const double x : store.values(*layout.find("normal"))) squares += x * x;
  EXPECT_NEAR(std::sqrt(squares / 20'000), 0.02, 0.001);
  squares = 0;
  for (const double x : store.values(*layout.find("kaiming"))) squares += x * x;
  EXPECT_NEAR(squares / 20'000 / (2.0 / 100), 1, 0.05);
  EXPECT_THAT(store.values(*layout.find("ones")), testing::Each(1.0));
  for (std::int64_t i = 0; i < layout.flat_size(); ++i) {
    ASSERT_EQ(rough.values().data()[i], static_cast<float>(store.values().data()[i]));
  }

  ParameterStore<double> other(layout);
  other.initialise(4);
  EXPECT_NE(other.values().data()[0], store.values().data()[0]);
}

}  // namespace
}  // namespace tapehead
