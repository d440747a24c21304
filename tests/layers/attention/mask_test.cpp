#include "layers/attention/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

constexpr std::int32_t kLengths[] = {1};
constexpr std::int32_t kOtherLengths[] = {1};

TEST(Mask, JoinedAllowsWhatBothAllow) {
  const Mask padding = Mask::padding({.lengths = kLengths});
  for (const Mask& both : {Mask::causal() & padding, padding & Mask::causal()}) {
    EXPECT_TRUE(both.attention_mask().causal);
    EXPECT_EQ(both.attention_mask().key_lengths, kLengths);
  }
  EXPECT_FALSE((Mask::everything() & padding).attention_mask().causal);
  EXPECT_EQ((Mask::everything() & Mask::causal()).attention_mask().key_lengths, nullptr);
  EXPECT_EQ((padding & padding).attention_mask().key_lengths, kLengths);
}

TEST(Mask, TwoPaddingsAreRefused) {
  const Mask padding = Mask::padding({.lengths = kLengths});
  const Mask other = Mask::padding({.lengths = kOtherLengths});
  EXPECT_THAT([&] { static_cast<void>(padding & other); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("two paddings")));
}

}  // namespace
}  // namespace tapehead
