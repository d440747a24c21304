#include "layers/embedding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/base/errors.hpp"
#include "tests/support/built.hpp"
#include "tests/support/drawn.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

TEST(Positions, SinusoidalTableIsTheFormula) {
  const std::int64_t channels = 7;  // odd: the last sine has no cosine
  const Built<Positions> built(PositionKind::sinusoidal, channels, 50);
  EXPECT_TRUE(built.layout.ranges().empty());
  Tape<double> tape;
  const std::vector<double> zeros(static_cast<std::size_t>(channels * 50 * 2), 0.0);
  const auto y = built.layer(tape.constant({channels, 50, 2}, zeros.data()));
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t t = 0; t < 50; ++t) {
      for (std::int64_t i = 0; 2 * i < channels; ++i) {
        const long double angle =
            static_cast<long double>(t) * std::exp(-std::log(10000.0L) * 2 * static_cast<long double>(i) / channels);
        const double* column = y.data() + channels * (t + 50 * b);
        EXPECT_NEAR(column[2 * i], static_cast<double>(std::sin(angle)), 1e-14) << t << " " << i;
        if (2 * i + 1 < channels) {
          EXPECT_NEAR(column[2 * i + 1], static_cast<double>(std::cos(angle)), 1e-14) << t << " " << i;
        }
      }
    }
  }
}

// Half of the channels are the table of the row, half that of the column; the first position has none.
TEST(Positions, InAGridRowsAndColumnsHaveHalfOfTheChannelsEach) {
  const std::int64_t channels = 12, rows = 3, columns = 5;
  const Built<Positions> built(PositionKind::sinusoidal, channels, 1 + rows * columns,
                               PositionGrid{.rows = rows, .columns = columns, .before = 1});
  const Built<Positions> line(PositionKind::sinusoidal, channels / 2, 5);
  Tape<double> tape;
  const std::vector<double> zeros(static_cast<std::size_t>(channels * 16), 0.0);
  const double* y = built.layer(tape.constant({channels, 16}, zeros.data())).data();
  const double* of_line = line.layer(tape.constant({channels / 2, 5}, zeros.data())).data();
  for (std::int64_t c = 0; c < channels; ++c) EXPECT_EQ(y[c], 0);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k < columns; ++k) {
      const double* at = y + channels * (1 + k + columns * r);
      for (std::int64_t c = 0; c < channels / 2; ++c) {
        EXPECT_EQ(at[c], of_line[c + channels / 2 * r]) << r << " " << k << " " << c;
        EXPECT_EQ(at[channels / 2 + c], of_line[c + channels / 2 * k]) << r << " " << k << " " << c;
      }
    }
  }
}

TEST(Positions, NoneChangesNothing) {
  const Built<Positions> built(PositionKind::none, 3, 0);
  Tape<double> tape;
  const auto x = tape.constant({3, 4}, drawn_numbers(12, 1).data());
  EXPECT_EQ(built.layer(x).data(), x.data());
}

TEST(Positions, NoneHasNoUseForALongestLength) {
  EXPECT_THAT([] { Built<Positions>(PositionKind::none, 3, 4); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("max_positions 4 does nothing; leave it out")));
}

TEST(Positions, TooLongASequenceIsRefused) {
  for (const PositionKind kind : {PositionKind::sinusoidal, PositionKind::learned}) {
    const Built<Positions> built(kind, 3, 4);
    ParameterStore<double> store(built.layout);
    Tape<double> tape(store);
    const auto x = tape.constant({3, 5}, drawn_numbers(15, 1).data());
    try {
      built.layer(x);
      ADD_FAILURE() << "not refused";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("a sequence of 5 exceeds the model's 4"));
    }
  }
}

class EmbeddingScale : public testing::TestWithParam<std::pair<WeightLaw, double>> {};

// A layer under a law of weights other than Built's.
struct ByLaw {
  explicit ByLaw(WeightLaw law)
      : layer(Scope(layout, sites, law), {.channels = 9, .vocabulary = 6, .positions = PositionKind::none}) {
    layout.seal();
  }
  ParameterLayout layout;
  std::uint32_t sites = 0;
  Embedding layer;
};

TEST_P(EmbeddingScale, ColumnsOfTheTableTimesTheFactorOfTheLaw) {
  const ByLaw built(GetParam().first);
  ParameterStore<double> store(built.layout);
  fill(store, drawn_parameters(built.layout, 1));
  Tape<double> tape(store);
  const std::int32_t ids[] = {5, 4, 5, kPadding};
  const std::int32_t lengths[] = {2, 1};
  const auto y = built.layer(tape, {ids, lengths, 2, 2, 2}, {});
  for (int column = 0; column < 4; ++column) {
    for (int c = 0; c < 9; ++c) {
      EXPECT_EQ(y.data()[c + 9 * column], GetParam().second * store.values().data()[c + 9 * ids[column]]);
    }
  }
}

constexpr std::array kLawNames{"xavier", "kaiming", "normal"};

INSTANTIATE_TEST_SUITE_P(, EmbeddingScale,
                         testing::Values(std::pair(WeightLaw::xavier, 3.0), std::pair(WeightLaw::kaiming, 3.0),
                                         std::pair(WeightLaw::normal, 1.0)),
                         [](const auto& each) { return kLawNames[static_cast<std::size_t>(each.param.first)]; });

}  // namespace
}  // namespace tapehead
