#include "layers/attention/mask_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "autograd/base/errors.hpp"
#include "tests/autograd/masks/mask_samples.hpp"

namespace tapehead {
namespace {

using testing::HasSubstr;

constexpr MaskSizes kSizes{.examples = 3, .queries = 5, .keys = 6};

// What is allowed of example 1: a line a query.
std::vector<std::string> picture(const Mask& mask) {
  std::vector<std::string> lines;
  for (std::int64_t q = 0; q < kSizes.queries; ++q) {
    std::string& line = lines.emplace_back();
    for (std::int64_t k = 0; k < kSizes.keys; ++k) line += mask.allows({1, 0, kSizes.keys}, q, k) ? '#' : '.';
  }
  return lines;
}

std::vector<std::string> picture(const std::string& text) {
  MaskText mask(text);
  return picture(mask.mask(kSizes));
}

TEST(MaskText, EveryTermCanBeWritten) {
  const std::vector<std::pair<std::string, std::string>> written{{"everything", ""},
                                                                 {"causal", "causal"},
                                                                 {"causal_at_the_lower_corner", "causal(end)"},
                                                                 {"causal_with_nothing_at_first", "causal(-2)"},
                                                                 {"lengths", "lengths(6, 4, 0)"},
                                                                 {"window", "window(2,1)"},
                                                                 {"window_back", "window(1)"},
                                                                 {"prefix", "prefix(2)"},
                                                                 {"dilated", "dilated(3)"},
                                                                 {"documents", "documents(2, 3, 1)"},
                                                                 {"blocks", "blocks(2)"}};
  std::set<std::string> seen;
  for (const testing_support::MaskSample& sample : testing_support::mask_samples()) {
    for (const auto& [name, text] : written) {
      if (name != sample.name) continue;
      EXPECT_EQ(picture(text), sample.picture) << text;
      seen.insert(text.substr(0, text.find('(')));
    }
  }
  for (const MaskTermText& term : mask_terms()) EXPECT_TRUE(seen.contains(std::string(term.name))) << term.name;
}

TEST(MaskText, AndBindsTighterThanOrUnlessThereAreParentheses) {
  EXPECT_EQ(picture("causal & window(1) | prefix(1)"),
            (std::vector<std::string>{"#.....", "##....", "###...", "#.##..", "#..##."}));
  EXPECT_EQ(picture("causal & (window(1) | prefix(1))"),
            (std::vector<std::string>{"#.....", "##....", "###...", "#.##..", "#..##."}));
  EXPECT_EQ(picture("prefix(1) | causal & dilated(2)"),
            (std::vector<std::string>{"#.....", "##....", "#.#...", "##.#..", "#.#.#."}));
  EXPECT_EQ(picture("( prefix(1) | causal ) & dilated(2)"),
            (std::vector<std::string>{"#.....", ".#....", "#.#...", ".#.#..", "#.#.#."}));
}

TEST(MaskText, OneLengthStandsForAll) { EXPECT_EQ(picture("lengths(4)"), picture("prefix(4)")); }

std::string refusal(const std::string& text) {
  try {
    MaskText mask(text);
    mask.mask(kSizes);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "taken";
}

TEST(MaskText, SaysWhatItDoesNotUnderstand) {
  EXPECT_THAT(refusal("causl"), HasSubstr("\"causl\" is none of causal, window"));
  EXPECT_THAT(refusal("causl"), HasSubstr("did you mean causal?"));
  EXPECT_THAT(refusal("causal &"), HasSubstr("a term is missing"));
  EXPECT_THAT(refusal("causal window(1)"), HasSubstr("\"window(1)\" is not expected there"));
  EXPECT_THAT(refusal("(causal"), HasSubstr("a ) is missing"));
  EXPECT_THAT(refusal("window(1"), HasSubstr("a ) is missing"));
  EXPECT_THAT(refusal("window()"), HasSubstr("window lacks a number"));
  EXPECT_THAT(refusal("window"), HasSubstr("window takes window(left, right)"));
  EXPECT_THAT(refusal("prefix(1, 2)"), HasSubstr("not 2 numbers"));
  EXPECT_THAT(refusal("dilated(0)"), HasSubstr("\"0\" is no whole number from 1 on"));
  EXPECT_THAT(refusal("prefix(99999999999999999999)"), HasSubstr("is too large"));
  EXPECT_THAT(refusal("lengths(1, 2)"), HasSubstr("2 lengths for 3 examples"));
  EXPECT_THAT(refusal("documents(2, 3)"), HasSubstr("5 places together, and there are 6 keys"));
  EXPECT_THAT(refusal(std::string(100, '(')), HasSubstr("too many parentheses"));
  EXPECT_THAT(refusal("causal|causal|causal|causal|causal|causal|causal|causal|causal"), HasSubstr("9 terms"));
}

TEST(MaskText, CapitalsAreNoOtherWord) {
  EXPECT_EQ(
      refusal("CAUSAL"),
      "mask: \"CAUSAL\" is none of causal, window, prefix, lengths, documents, dilated, blocks; did you mean causal?");
  EXPECT_THAT(refusal("Window(2)"), HasSubstr("did you mean window?"));
}

}  // namespace
}  // namespace tapehead
