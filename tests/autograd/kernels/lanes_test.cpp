// Every part of a vector, beside memory that belongs to somebody else.

#include "autograd/kernels/lanes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tapehead {
namespace {

template <class L>
class LanesOf : public testing::Test {};
using Kinds = testing::Types<Lanes<float, 64>, Lanes<float, 32>, Lanes<float, 16>, Lanes<double, 64>, Lanes<double, 32>,
                             Lanes<double, 16>>;
TYPED_TEST_SUITE(LanesOf, Kinds);

TYPED_TEST(LanesOf, AreReadWrittenAndChosenAndNothingElse) {
  using L = TypeParam;
  using T = std::remove_cvref_t<decltype(typename L::Vector{}[0])>;
  constexpr int kCount = L::kLanes;
  std::array<T, kCount> from;
  for (int i = 0; i < kCount; ++i) from[static_cast<std::size_t>(i)] = static_cast<T>(i + 1);
  for (int begin = -1; begin <= kCount + 1; ++begin) {
    for (int end = begin; end <= kCount + 1; ++end) {
      const L lanes(begin, end);
      const typename L::Vector read = lanes.load(from.data());
      std::array<T, kCount> written;
      written.fill(T(-7));
      lanes.store(read, written.data());
      const typename L::Vector chosen = lanes.select(read, typename L::Vector{} + T(-9));
      for (int i = 0; i < kCount; ++i) {
        const bool inside = i >= begin && i < end;
        const auto at = static_cast<std::size_t>(i);
        ASSERT_EQ(read[i], inside ? from[at] : T(0)) << begin << " " << end << " " << i;
        ASSERT_EQ(written[at], inside ? from[at] : T(-7)) << begin << " " << end << " " << i;
        ASSERT_EQ(chosen[i], inside ? from[at] : T(-9)) << begin << " " << end << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tapehead
