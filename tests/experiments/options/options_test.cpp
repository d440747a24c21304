#include "experiments/options/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

std::string refusal(const char* name, const char* value) {
  try {
    canonical_value(*find_option(name), value);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Options, NamesAreUniqueAndEachHasAHelpLine) {
  std::set<std::string_view> names;
  for (const OptionSpec& option : option_table()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
  }
}

TEST(Options, EveryDefaultIsAValueThatTheOptionTakes) {
  for (const OptionSpec& option : option_table()) {
    if (!option.fallback.empty()) {
      EXPECT_EQ(canonical_value(option, option.fallback), option.fallback) << option.name;
    }
  }
}

// With these, nothing that config structs and commands say of their options can be forgotten.
TEST(Options, EachSaysWhatItMayBeAndWhenToChangeIt) {
  for (const OptionSpec& option : option_table()) {
    const bool number = option.kind == OptionKind::integer || option.kind == OptionKind::real;
    if (option.kind != OptionKind::formula) {  // which may have one
      EXPECT_EQ(option.range.low < option.range.high, number) << option.name << " has a range if it is a number";
    }
    const bool word = option.kind == OptionKind::word || option.kind == OptionKind::formula;
    EXPECT_EQ(!option.choices.empty(), word) << option.name << " has choices if it is a word";
    EXPECT_FALSE(!option.fallback.empty() && option.when.empty()) << option.name << " does not say when to change it";
    EXPECT_FALSE(option.zero.empty() && option.zero_is_automatic) << option.name << " does not say what 0 stands for";
    EXPECT_FALSE(option.fixed_by.exists() && !option.may_change_on_resume) << option.name;
  }
}

TEST(Options, NumbersHaveOneCanonicalForm) {
  EXPECT_EQ(canonical_value(*find_option("lr"), "1e-3"), "0.001");
  EXPECT_EQ(canonical_value(*find_option("lr"), "+.0010"), "0.001");
  EXPECT_EQ(canonical_value(*find_option("heads"), "+08"), "8");
  EXPECT_EQ(canonical_value(*find_option("dropout"), "-0"), "0");
  EXPECT_EQ(canonical_value(*find_option("scale"), "1.25e-1"), "0.125");
}

TEST(Options, ANumberBesideChoicesIsWithinItsRange) {
  EXPECT_EQ(canonical_value(*find_option("attention-dropout"), "0"), "0");
  EXPECT_EQ(canonical_value(*find_option("attention-dropout"), ".50"), "0.5");
  EXPECT_EQ(canonical_value(*find_option("attention-dropout"), "same"), "same");
  EXPECT_EQ(refusal("attention-dropout", "1"), "must be less than 1, not 1");
  EXPECT_EQ(refusal("attention-dropout", "-0.1"), "must be at least 0, not -0.1");
  EXPECT_EQ(refusal("attention-dropout", "x"), "\"x\" is none of same, and no number");
  EXPECT_EQ(refusal("attention-dropout", "nan"), "\"nan\" is none of same, and no number");
  EXPECT_THAT(refusal("scale", "0"), testing::HasSubstr(", and no positive number"));
}

TEST(Options, WrongNumbersAreRefusedBySayingWhy) {
  EXPECT_EQ(refusal("heads", "abc"), "\"abc\" is not a whole number");
  EXPECT_EQ(refusal("heads", ""), "\"\" is not a whole number");
  EXPECT_EQ(refusal("heads", "4 "), "\"4 \" is not a whole number");
  EXPECT_EQ(refusal("heads", "1e3"), "\"1e3\" is not a whole number");
  EXPECT_EQ(refusal("heads", "2.5"), "\"2.5\" is not a whole number");
  EXPECT_EQ(refusal("heads", "+-3"), "\"+-3\" is not a whole number");
  EXPECT_EQ(refusal("heads", "99999999999999999999"), "must be at most 4096, not 99999999999999999999");
  EXPECT_EQ(refusal("heads", "0"), "must be at least 1, not 0");
  EXPECT_EQ(refusal("batch", "-8"), "must be at least 1, not -8");
  EXPECT_EQ(refusal("lr", "0"), "must be more than 0, not 0");
  EXPECT_EQ(refusal("lr", "nan"), "\"nan\" is not a finite number");
  EXPECT_EQ(refusal("lr", "inf"), "\"inf\" is not a finite number");
  EXPECT_EQ(refusal("lr", "1e999"), "must be at most 1000000000, not 1e999");
  EXPECT_EQ(refusal("lr", "1e-999"), "1e-999 is too near to zero");
  EXPECT_EQ(refusal("seed", "-99999999999999999999"), "must be at least 0, not -99999999999999999999");
  EXPECT_EQ(refusal("lr", "0.1x"), "\"0.1x\" is not a number");
  EXPECT_EQ(refusal("dropout", "1"), "must be less than 1, not 1");
  EXPECT_EQ(refusal("beta2", "1.5"), "must be less than 1, not 1.5");
}

TEST(Options, WrongWordsAreRefusedWithTheChoices) {
  EXPECT_EQ(refusal("optimizer", "lion"), "\"lion\" is none of adam, adamw, sgd, nesterov");
  EXPECT_EQ(refusal("optimizer", "adam adamw"), "\"adam adamw\" is none of adam, adamw, sgd, nesterov");
  EXPECT_EQ(refusal("optimizer", ""), "\"\" is none of adam, adamw, sgd, nesterov");
  EXPECT_THAT(refusal("scale", "sqrt"), testing::HasSubstr("inv_sqrt_dk, none, inv_dk, inv_sqrt_dmodel"));
  EXPECT_THAT(refusal("scale", "-1"), testing::HasSubstr("no positive number"));
}

TEST(Options, AValueOfSeveralLinesIsRefused) { EXPECT_NE(refusal("train", "a\nb"), "taken"); }

}  // namespace
}  // namespace tapehead
