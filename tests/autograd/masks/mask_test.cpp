// What masks allow, against pictures; and hull, cover and rows against `allows`, which is asked pair by pair.

#include "autograd/masks/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "autograd/base/errors.hpp"
#include "autograd/base/random.hpp"
#include "autograd/ops/attention.hpp"
#include "tests/autograd/masks/mask_samples.hpp"

namespace tapehead {
namespace {

using namespace testing_support;

constexpr std::int64_t kQueries = 5;
constexpr std::int64_t kKeys = 6;

// A term of a user's own, which goes by head and leaves holes: head h may attend keys h, h + 3, h + 6 …
struct EveryThird {
  static constexpr bool kByHead = true;
  KeyRange hull(const MaskSite& at, std::int64_t /*query*/) const { return {at.head % 3, at.keys}; }
  bool allows(const MaskSite& at, std::int64_t /*query*/, std::int64_t key) const { return key % 3 == at.head % 3; }
  Cover cover(const MaskSite& at, const MaskTile& tile) const {
    if (tile.keys > 1) return Cover::some;
    return allows(at, 0, tile.first_key) ? Cover::all : Cover::none;
  }
};

std::vector<std::string> drawn(const Mask& mask, const MaskSite& at) {
  std::vector<std::string> lines;
  for (std::int64_t q = 0; q < kQueries; ++q) {
    std::string& line = lines.emplace_back();
    for (std::int64_t k = 0; k < kKeys; ++k) line += mask.allows(at, q, k) ? '#' : '.';
  }
  return lines;
}

TEST(Mask, EachTermAllowsWhatItsPictureShows) {
  for (const MaskSample& sample : mask_samples()) {
    EXPECT_EQ(drawn(sample.mask, {.example = 1, .keys = kKeys}), sample.picture) << sample.name;
  }
}

TEST(Mask, JoinedAllowsWhatBothOrEitherAllow) {
  const auto samples = mask_samples();
  for (const MaskSample& a : samples) {
    for (const MaskSample& b : samples) {
      SCOPED_TRACE(a.name + " " + b.name);
      const auto both = drawn(a.mask & b.mask, {.example = 1, .keys = kKeys});
      const auto either = drawn(a.mask | b.mask, {.example = 1, .keys = kKeys});
      for (std::size_t q = 0; q < kQueries; ++q) {
        for (std::size_t k = 0; k < kKeys; ++k) {
          const bool of_a = a.picture[q][k] == '#';
          const bool of_b = b.picture[q][k] == '#';
          ASSERT_EQ(both[q][k] == '#', of_a && of_b);
          ASSERT_EQ(either[q][k] == '#', of_a || of_b);
        }
      }
    }
  }
}

// Joins of one to six drawn terms in a drawn order, and each term on its own.
std::vector<Mask> drawn_masks() {
  std::vector<Mask> terms{EveryThird{}};
  for (const MaskSample& sample : mask_samples()) terms.push_back(sample.mask);
  std::vector<Mask> masks = terms;
  const RandomStream random(7, Purpose::test);
  for (std::uint32_t draw = 0; draw < 400; ++draw) {
    std::vector<Mask> parts;
    for (std::uint32_t i = 0; i <= random.below(6, draw, 0); ++i)
      parts.push_back(terms[random.below(terms.size(), draw, 1, i)]);
    for (std::uint32_t i = 0; parts.size() > 1; ++i) {
      const auto at = static_cast<std::size_t>(random.below(parts.size() - 1, draw, 2, i));
      parts[at] = random.below(2, draw, 3, i) == 0 ? parts[at] & parts[at + 1] : parts[at] | parts[at + 1];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    masks.push_back(parts[0]);
  }
  return masks;
}

TEST(Mask, HullCoverAndRowsAreTrueOfEveryPair) {
  for (const Mask& mask : drawn_masks()) {
    for (std::int64_t example = 0; example < 3; ++example) {
      const MaskSite at{example, example, kKeys};
      std::vector<Mask::Row> rows(kQueries);
      mask.rows(at, 0, kQueries, rows.data());
      for (std::int64_t q = 0; q < kQueries; ++q) {
        const KeyRange hull = mask.hull(at, q);
        const Mask::Row& row = rows[static_cast<std::size_t>(q)];
        ASSERT_TRUE(hull.begin >= 0 && hull.begin <= hull.end && hull.end <= kKeys);
        ASSERT_EQ(row.begin, hull.begin);
        ASSERT_EQ(row.end, hull.end);
        for (std::int64_t k = 0; k < kKeys; ++k) {
          const bool inside = k >= hull.begin && k < hull.end;
          ASSERT_TRUE(inside || !mask.allows(at, q, k)) << q << " " << k;
          ASSERT_TRUE(!row.whole || !inside || mask.allows(at, q, k)) << q << " " << k;
        }
      }
      for (MaskTile tile{0, 1, 0, 1}; tile.first_query < kQueries; ++tile.first_query) {
        for (tile.queries = 1; tile.first_query + tile.queries <= kQueries; ++tile.queries) {
          for (tile.first_key = 0; tile.first_key < kKeys; ++tile.first_key) {
            for (tile.keys = 1; tile.first_key + tile.keys <= kKeys; ++tile.keys) {
              const Cover cover = mask.cover(at, tile);
              for (std::int64_t q = tile.first_query; q <= tile.last_query(); ++q) {
                for (std::int64_t k = tile.first_key; k <= tile.last_key(); ++k) {
                  const bool allowed = mask.allows(at, q, k);
                  ASSERT_FALSE(cover == Cover::none && allowed);
                  ASSERT_FALSE(cover == Cover::all && !allowed);
                }
              }
            }
          }
        }
      }
    }
  }
}

// `some` is always right, but a kernel then asks for every pair: the terms say no more of it than they must.
TEST(Mask, ATermKnowsExactlyHowMuchOfATileItCovers) {
  for (const MaskSample& sample : mask_samples()) {
    for (std::int64_t example = 0; example < 3; ++example) {
      const MaskSite at{example, 0, kKeys};
      for (std::int64_t size = 1; size <= 3; ++size) {
        for (std::int64_t q = 0; q + size <= kQueries; ++q) {
          for (std::int64_t k = 0; k + size <= kKeys; ++k) {
            std::int64_t allowed = 0;
            for (std::int64_t i = 0; i < size * size; ++i)
              allowed += sample.mask.allows(at, q + i / size, k + i % size);
            const Cover expected = allowed == 0 ? Cover::none : allowed == size * size ? Cover::all : Cover::some;
            ASSERT_EQ(sample.mask.cover(at, {q, size, k, size}), expected) << sample.name << " " << q << " " << k;
          }
        }
      }
    }
  }
}

// Both kernels with every mask: values against plain loops over `allows`, gradients of the one against those of the
// other.
TEST(Mask, KernelsAttendExactlyWhatIsAllowed) {
  constexpr std::int64_t kHeads = 3;
  constexpr std::int64_t kWidth = 2;
  constexpr std::int64_t kSlices = 3;
  const auto numbers = [](std::int64_t columns, std::uint64_t which) {
    const RandomStream random(9, Purpose::test, which);
    std::vector<double> values(static_cast<std::size_t>(kHeads * kWidth * columns * kSlices));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = random.normal(static_cast<std::uint32_t>(i));
    return values;
  };
  const auto q = numbers(kQueries, 1);
  const auto k = numbers(kKeys, 2);
  const auto v = numbers(kKeys, 3);
  const auto d_y = numbers(kQueries, 4);
  const auto row = [](std::int64_t head, std::int64_t i, std::int64_t column, std::int64_t columns,
                      std::int64_t slice) {
    return static_cast<std::size_t>(head * kWidth + i + kHeads * kWidth * (column + columns * slice));
  };
  for (const Mask& mask : drawn_masks()) {
    std::vector<double> expected(q.size());
    for (std::int64_t n = 0; n < kSlices * kHeads * kQueries; ++n) {
      const auto [query, head, slice] = std::tuple(n % kQueries, n / kQueries % kHeads, n / (kQueries * kHeads));
      double total = 0;
      for (std::int64_t key = 0; key < kKeys; ++key) {
        if (!mask.allows({slice, head, kKeys}, query, key)) continue;
        double score = 0;
        for (std::int64_t i = 0; i < kWidth; ++i)
          score += q[row(head, i, query, kQueries, slice)] * k[row(head, i, key, kKeys, slice)];
        total += std::exp(score);
        for (std::int64_t i = 0; i < kWidth; ++i) {
          expected[row(head, i, query, kQueries, slice)] += std::exp(score) * v[row(head, i, key, kKeys, slice)];
        }
      }
      for (std::int64_t i = 0; i < kWidth && total > 0; ++i) expected[row(head, i, query, kQueries, slice)] /= total;
    }
    std::vector<double> gradients[2];
    for (const AttentionKernel kernel : {AttentionKernel::whole, AttentionKernel::tiled}) {
      Tape<double> tape;
      const Var<double> x[] = {tape.input({kHeads * kWidth, kQueries, kSlices}, q.data()),
                               tape.input({kHeads * kWidth, kKeys, kSlices}, k.data()),
                               tape.input({kHeads * kWidth, kKeys, kSlices}, v.data())};
      using Block = RowBlock<double>;
      const auto y = attention(Block::all(x[0]), Block::all(x[1]), Block::all(x[2]),
                               {.heads = kHeads, .mask = mask, .kernel = kernel})
                         .context;
      for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(y.data()[i], expected[i], 1e-12);
      tape.backward(y, d_y.data());
      auto& all = gradients[kernel == AttentionKernel::tiled ? 1 : 0];
      for (const auto& each : x) all.insert(all.end(), tape.gradient(each), tape.gradient(each) + each.shape().size());
    }
    for (std::size_t i = 0; i < gradients[0].size(); ++i) ASSERT_NEAR(gradients[0][i], gradients[1][i], 1e-12);
  }
}

TEST(Mask, LooksBackWhereNoQueryMayAttendWhatIsAfterIt) {
  const Mask lengths = Lengths{kMaskLengths};
  EXPECT_TRUE(Mask::causal().looks_back());
  EXPECT_TRUE((Causal{} & lengths).looks_back());
  EXPECT_TRUE((Causal{} | Causal{}).looks_back());
  EXPECT_FALSE((Causal{} | lengths).looks_back());
  EXPECT_FALSE(lengths.looks_back());
  EXPECT_FALSE(Mask::everything().looks_back());
}

TEST(Mask, TooManyTermsAreRefused) {
  Mask mask = Causal{};
  for (int i = 1; i < Mask::kMostTerms; ++i) mask = mask & Window{.left = i};
  EXPECT_TRUE(mask.allows({.keys = kKeys}, 1, 0));
  EXPECT_THAT([&] { static_cast<void>(mask | Causal{}); },
              testing::ThrowsMessage<ConfigError>(testing::HasSubstr("mask: 9 terms are joined, and a mask holds 8")));
}

}  // namespace
}  // namespace tapehead
