#include "layers/attention/attention_scale.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

TEST(AttentionScale, IsWhatItsNameSays) {
  EXPECT_EQ(attention_scale("inv_sqrt_dk", 16, 64), 0.25);
  EXPECT_EQ(attention_scale("none", 16, 64), 1);
  EXPECT_EQ(attention_scale("inv_dk", 16, 64), 0.0625);
  EXPECT_EQ(attention_scale("inv_sqrt_dmodel", 16, 64), 0.125);
  EXPECT_EQ(attention_scale("0.3", 16, 64), 0.3);
}

TEST(AttentionScale, OtherTextsAreRefused) {
  for (const std::string text : {"", "0", "-1", "nan", "inf", "0.3x", "inv"}) {
    EXPECT_THAT([&] { attention_scale(text, 16, 64); },
                testing::ThrowsMessage<ConfigError>(testing::HasSubstr("scale: \"" + text + "\" is none of")));
  }
}

}  // namespace
}  // namespace tapehead
