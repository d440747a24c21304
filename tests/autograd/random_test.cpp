#include "autograd/base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace tapehead {
namespace {

TEST(RandomStream, NumberIsAFunctionOfItsCoordinatesAlone) {
  const RandomStream a(5, Purpose::dropout, 17, 3);
  const RandomStream b(5, Purpose::dropout, 17, 3);
  const double late = a.uniform(9, 8, 7);
  for (std::uint32_t i = 0; i < 100; ++i) b.uniform(i);
  EXPECT_EQ(b.uniform(9, 8, 7), late);
}

TEST(RandomStream, EveryPartOfTheKeyMatters) {
  std::set<double> values;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (const Purpose purpose : {Purpose::dropout, Purpose::shuffle}) {
      for (std::uint64_t step = 0; step < 4; ++step) {
        for (std::uint32_t site = 0; site < 4; ++site) {
          const RandomStream random(seed, purpose, step, site);
          for (std::uint32_t c = 0; c < 3; ++c) {
            values.insert(random.uniform(c + 1));
            values.insert(random.uniform(0, c + 1));
            values.insert(random.uniform(0, 0, c + 1));
          }
        }
      }
    }
  }
  EXPECT_EQ(values.size(), 4U * 2 * 4 * 4 * 9);
}

TEST(RandomStream, MomentsOfUniformAndNormal) {
  const RandomStream random(1, Purpose::test);
  constexpr std::uint32_t n = 200'000;
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0, fourth = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const double u = random.uniform(i);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
    const double z = random.normal(i);
    normal_sum += z;
    normal_squares += z * z;
    fourth += z * z * z * z;
  }
  // Five standard errors of each mean.
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));
  EXPECT_NEAR(normal_sum / n, 0, 5 * std::sqrt(1.0 / n));
  EXPECT_NEAR(normal_squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96.0 / n));
}

TEST(RandomStream, BelowCoversItsRangeEvenly) {
  const RandomStream random(2, Purpose::test);
  int counts[7] = {};
  for (std::uint32_t i = 0; i < 70'000; ++i) ++counts[random.below(7, i)];
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_square, 27.9);  // 6 degrees of freedom, p = 1e-4
}

}  // namespace
}  // namespace tapehead
