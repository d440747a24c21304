#include "datasets/example.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/base/errors.hpp"

namespace tapehead {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ExampleWriter, GivesWhatWasWrittenAndNothingElse) {
  ExampleWriter out({.data = "task all",
                     .source = 4,
                     .target = 3,
                     .has_positions = true,
                     .channels = 2,
                     .features = 2,
                     .classes = 5});
  std::ranges::fill(out.source(2), 7);
  std::ranges::fill(out.target(3), 8);
  std::ranges::fill(out.features(1), 0.5F);
  out.label(4);
  out.positions()[3] = 9;
  out.marks()[0] = 0;
  const ExampleView all = out.view();
  EXPECT_THAT(all.source, ElementsAre(7, 7));
  EXPECT_THAT(all.target, ElementsAre(8, 8, 8));
  EXPECT_THAT(all.features, ElementsAre(0.5F, 0.5F));
  EXPECT_EQ(all.label, 4);
  EXPECT_THAT(all.positions, ElementsAre(0, 1, 2, 9));
  EXPECT_THAT(all.marks, ElementsAre(0, 1, 1, 1));

  out.clear();
  std::ranges::fill(out.target(1), 6);
  const ExampleView next = out.view();
  EXPECT_TRUE(next.source.empty());
  EXPECT_THAT(next.target, ElementsAre(6));
  EXPECT_TRUE(next.features.empty());
  EXPECT_EQ(next.label, 0);
  EXPECT_TRUE(next.positions.empty());
  EXPECT_TRUE(next.marks.empty());
  EXPECT_THAT(out.marks(), ElementsAre(1, 1)) << "whatever they were before";
}

TEST(ExampleWriter, RefusesWhatWasNotAnnounced) {
  const auto refusal = [](auto write) {
    ExampleWriter out({.data = "task odd", .source = 4, .target = 3});
    try {
      write(out);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  EXPECT_EQ(refusal([](ExampleWriter& out) { out.source(4), out.target(0), out.marks(); }), "taken");
  EXPECT_EQ(refusal([](ExampleWriter& out) { out.source(5); }),
            "task odd: wrote a source of length 5, and the longest was to be 4");
  EXPECT_THAT(refusal([](ExampleWriter& out) { out.target(-1); }), HasSubstr("a target of length -1"));
  EXPECT_EQ(refusal([](ExampleWriter& out) { out.features(1); }),
            "task odd: wrote features, and said that it has none");
  EXPECT_EQ(refusal([](ExampleWriter& out) { out.positions(); }),
            "task odd: wrote positions, and said that it has none");
  EXPECT_EQ(refusal([](ExampleWriter& out) { out.label(0); }), "task odd: wrote the label 0, and has 0 classes");
}

}  // namespace
}  // namespace tapehead
