#include "autograd/base/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace tapehead {
namespace {

TEST(EditDistance, CountsWhatMustChange) {
  EXPECT_EQ(edit_distance("heads", "heads"), 0);
  EXPECT_EQ(edit_distance("hads", "heads"), 1);
  EXPECT_EQ(edit_distance("headss", "heads"), 1);
  EXPECT_EQ(edit_distance("haeds", "heads"), 1) << "neighbours swapped";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("", "abc"), 3);
}

TEST(NearestName, PrefersANameThatTheWordBegins) {
  const std::vector<std::string_view> names{"lr", "layers", "label-smoothing", "model", "d-model"};
  EXPECT_EQ(nearest_name("label", names), "label-smoothing");
  EXPECT_EQ(nearest_name("lyers", names), "layers");
  EXPECT_EQ(nearest_name("dmodel", names), "d-model") << "as near as model, but it begins alike";
  EXPECT_EQ(nearest_name("smoothing", names), "label-smoothing") << "a part that says which";
  EXPECT_EQ(nearest_name("oot", names), "") << "a part that does not";
  EXPECT_EQ(nearest_name("zzzzzz", names), "");
  EXPECT_EQ(nearest_name("", names), "");
}

}  // namespace
}  // namespace tapehead
