// What dropout does to many elements, and what must not change its decisions.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "autograd/ops/dropout.hpp"

namespace tapehead {
namespace {

// Which elements of a value of ones are kept; each of these must be 1 / (1 − rate).
template <Scalar T>
std::vector<bool> kept(const Shape& shape, double rate, const RandomStream& random, std::int64_t first_example = 0) {
  const std::vector<T> ones(static_cast<std::size_t>(shape.size()), T(1));
  Tape<T> tape;
  const Var<T> y = dropout(tape.constant(shape, ones.data()), rate, random, first_example);
  std::vector<bool> result;
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    result.push_back(y.data()[i] != T(0));
    if (result.back()) {
      EXPECT_NEAR(real_part(y.data()[i]), 1 / (1 - rate), 1e-6 / (1 - rate));
    }
  }
  return result;
}

double share(const std::vector<bool>& decisions) {
  double count = 0;
  for (const bool decision : decisions) count += decision;
  return count / static_cast<double>(decisions.size());
}

TEST(Dropout, KeepsTheShareThatTheRateLeaves) {
  const Shape shape{64, 50, 40};
  for (const double rate : {0.05, 0.1, 0.5, 0.9}) {
    const double sigma = std::sqrt(rate * (1 - rate) / static_cast<double>(shape.size()));
    for (const std::uint32_t site : {0, 1, 2}) {
      const double found = share(kept<double>(shape, rate, RandomStream(5, Purpose::dropout, 1, site)));
      EXPECT_NEAR(found, 1 - rate, 5 * sigma) << "rate " << rate << " site " << site;
    }
  }
}

// Each row, position and example keeps its share too, and neighbours do not decide alike.
TEST(Dropout, ElementsAreDecidedApart) {
  const Shape shape{16, 50, 80};
  const double rate = 0.3;
  const auto decisions = kept<double>(shape, rate, RandomStream(5, Purpose::dropout));
  for (std::int64_t c = 0; c < shape.rows; ++c) {
    std::vector<bool> row;
    std::vector<bool> with_next;
    for (std::int64_t point = 0; point < shape.points(); ++point) {
      const auto at = [&](std::int64_t channel) {
        return decisions[static_cast<std::size_t>(channel + shape.rows * point)];
      };
      row.push_back(at(c));
      with_next.push_back(at(c) && at((c + 1) % shape.rows));
    }
    const auto n = static_cast<double>(row.size());
    EXPECT_NEAR(share(row), 0.7, 5 * std::sqrt(0.7 * 0.3 / n)) << c;
    EXPECT_NEAR(share(with_next), 0.49, 5 * std::sqrt(0.49 * 0.51 / n)) << c;
  }
}

TEST(Dropout, SeedStepAndSiteGiveOtherDecisions) {
  const Shape shape{16, 8, 2};
  const auto base = kept<double>(shape, 0.5, RandomStream(5, Purpose::dropout, 1, 0));
  EXPECT_EQ(kept<double>(shape, 0.5, RandomStream(5, Purpose::dropout, 1, 0)), base);
  EXPECT_NE(kept<double>(shape, 0.5, RandomStream(6, Purpose::dropout, 1, 0)), base);
  EXPECT_NE(kept<double>(shape, 0.5, RandomStream(5, Purpose::dropout, 2, 0)), base);
  EXPECT_NE(kept<double>(shape, 0.5, RandomStream(5, Purpose::dropout, 1, 1)), base);
}

TEST(Dropout, PaddingChangesNoDecision) {
  const RandomStream random(5, Purpose::dropout);
  const std::int64_t rows = 10;
  const auto narrow = kept<double>({rows, 5, 3}, 0.4, random);
  const auto padded = kept<double>({rows, 9, 3}, 0.4, random);
  for (std::int64_t b = 0; b < 3; ++b) {
    for (std::int64_t i = 0; i < rows * 5; ++i) {
      EXPECT_EQ(narrow[static_cast<std::size_t>(i + rows * 5 * b)], padded[static_cast<std::size_t>(i + rows * 9 * b)]);
    }
  }
}

TEST(Dropout, ShardsDecideAsTheWholeBatch) {
  const RandomStream random(5, Purpose::dropout);
  const auto whole = kept<double>({10, 5, 8}, 0.4, random);
  std::vector<bool> cut;
  for (const auto& [first, count] : {std::pair{0, 3}, std::pair{3, 1}, std::pair{4, 4}}) {
    const auto part = kept<double>({10, 5, count}, 0.4, random, first);
    cut.insert(cut.end(), part.begin(), part.end());
  }
  EXPECT_EQ(cut, whole);
}

TEST(Dropout, EveryScalarDecidesAlike) {
  const RandomStream random(5, Purpose::dropout);
  const auto in_double = kept<double>({10, 5, 8}, 0.4, random);
  EXPECT_EQ(kept<float>({10, 5, 8}, 0.4, random), in_double);
  EXPECT_EQ(kept<std::complex<double>>({10, 5, 8}, 0.4, random), in_double);
}

}  // namespace
}  // namespace tapehead
