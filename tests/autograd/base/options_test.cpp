#include "autograd/base/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

enum class Colour { red, blue };

struct Paint {
  std::string brand = "own";
  std::string file = {};
  double share = 0.25;
  std::int64_t coats = 2;
  std::uint64_t seed = 1;
  int workers = 3;
  Colour colour = Colour::blue;

  static Fields<Paint> fields();
};

Fields<Paint> Paint::fields() {
  const Member<Paint> colour{
      [](Paint& paint, const std::string& text) { paint.colour = text == "red" ? Colour::red : Colour::blue; },
      [](const Paint& paint) -> std::string { return paint.colour == Colour::red ? "red" : "blue"; }};
  return {
      {&Paint::brand, {.name = "brand", .choices = "own other"}},
      {&Paint::file, {.name = "file", .kind = OptionKind::path}},
      {&Paint::share, {.name = "share", .range = NumberRange::share()}},
      {&Paint::coats, {.name = "coats", .range = {1, 9}}},
      {&Paint::seed, {.name = "seed", .range = {0, 9e15}}},
      {&Paint::workers, {.name = "workers", .range = {0, 8}, .zero_is_automatic = true}},
      {colour, {.name = "colour", .choices = "red blue"}},
      {&Paint::coats, "layers"},
  };
}

TEST(Fields, KindAndDefaultAreThoseOfTheMember) {
  std::vector<std::pair<OptionKind, std::string>> found;
  for (const Field<Paint>& field : Paint::fields()) found.emplace_back(field.option.kind, field.option.fallback);
  using enum OptionKind;
  EXPECT_THAT(found, testing::ElementsAre(std::pair(word, "own"), std::pair(path, ""), std::pair(real, "0.25"),
                                          std::pair(integer, "2"), std::pair(integer, "1"),
                                          std::pair(integer, "0"),  // it follows from something else
                                          std::pair(word, "blue"), std::pair(text, "")));
  EXPECT_TRUE(Paint::fields().back().borrowed);
}

TEST(Fields, AValueReachesItsMemberAndCanBeReadBack) {
  Paint paint;
  for (const Field<Paint>& field : Paint::fields()) {
    const std::string value = field.option.kind == OptionKind::integer ? "7"
                              : field.option.kind == OptionKind::real  ? "0.5"
                              : field.option.name == "colour"          ? "red"
                                                                       : "other";
    if (field.borrowed) continue;
    field.member.set(paint, value);
    EXPECT_EQ(field.member.text(paint), value) << field.option.name;
  }
  EXPECT_EQ(std::tuple(paint.brand, paint.file, paint.share), std::tuple("other", "other", 0.5));
  EXPECT_EQ(std::tuple(paint.coats, paint.seed, paint.workers, paint.colour), std::tuple(7, 7U, 7, Colour::red));
}

TEST(Options, AFlagIsYesOrNo) {
  const OptionSpec flag{.name = "wet", .kind = OptionKind::flag};
  EXPECT_EQ(canonical_value(flag, ""), "yes") << "given on a command line";
  EXPECT_EQ(canonical_value(flag, "yes"), "yes");
  EXPECT_EQ(canonical_value(flag, "no"), "no");
  EXPECT_THAT([&] { canonical_value(flag, "0"); }, testing::ThrowsMessage<ConfigError>("\"0\" is none of yes, no"));
  for (const char* off : {"", "0", "no", "none"}) {
    EXPECT_FALSE(on("wet").holds_for(off)) << off;
    EXPECT_TRUE(tapehead::off("wet").holds_for(off)) << off;
  }
  EXPECT_TRUE(on("wet").holds_for("yes"));
  EXPECT_FALSE(tapehead::off("wet").holds_for("1"));
}

TEST(Options, OfManyChoicesTheNearestIsNamed) {
  OptionSpec metric{.name = "metric", .choices = "red green blue"};
  metric.kind = OptionKind::word;
  EXPECT_THAT([&] { canonical_value(metric, "gren"); },
              testing::ThrowsMessage<ConfigError>("\"gren\" is none of red, green, blue"));
  for (int i = 0; i < 9; ++i) metric.choices += " colour_of_kind_" + std::to_string(i);
  EXPECT_THAT(
      [&] { canonical_value(metric, "gren"); },
      testing::ThrowsMessage<ConfigError>("\"gren\" is none of its 12 choices; did you mean green? see --help all"));
  EXPECT_THAT([&] { canonical_value(metric, "zzzzzzzz"); },
              testing::ThrowsMessage<ConfigError>("\"zzzzzzzz\" is none of its 12 choices; see --help all"));
}

TEST(Options, ATextMayBeCheckedByItsOwnRule) {
  const OptionSpec even{.name = "even", .check = [](std::string_view text) {
                          if (text.size() % 2 != 0) throw ConfigError("is odd");
                        }};
  EXPECT_EQ(canonical_value(even, "ab"), "ab");
  EXPECT_THAT([&] { check_value(even, "abc"); }, testing::ThrowsMessage<ConfigError>("even: is odd"));
}

TEST(Fields, NumbersSurviveTheWayThroughText) {
  for (const double number : {0.1, 1e-8, 0.30000000000000004, 1e300})
    EXPECT_EQ(real_in(canonical_text(number)), number);
  EXPECT_EQ(canonical_text(1e-8), "1e-08");
  EXPECT_EQ(integer_in(canonical_text(std::int64_t{9'000'000'000'000'000})), 9'000'000'000'000'000);
}

}  // namespace
}  // namespace tapehead
